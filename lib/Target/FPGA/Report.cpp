//===- Report.cpp - pages on what a design takes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Report.h"

#include "DesignStreams.h"

#include "qnt/Target/FPGA/MemoryPorts.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;
namespace json = llvm::json;

static constexpr int64_t fileVersion = 1;

namespace {
/// What frames take of a stage's time, and of its streams.
struct Rates {
  Rates(DesignOp design, const Estimate &estimate)
      : clock(getClock(design)), cycles(estimate.getCycles()) {}
  double getFrames() const { return clock * 1e6 / double(cycles); }
  /// In Mbit a second.
  double getBandwidth(int64_t frameBits) const {
    return double(frameBits) * getFrames() / 1e6;
  }
  double clock;
  int64_t cycles;
};
} // namespace

static json::Object describe(const Resources &resources) {
  return json::Object{{"dsp", resources.dsps},
                      {"lut", resources.luts},
                      {"bram36", resources.getBlockRAMs()}};
}

static json::Object describe(const Stage &stage, const Rates &rates) {
  json::Object result{{"name", stage.name}, {"kind", stage.kind}};
  for (auto &[key, value] : describe(stage.resources))
    result[key] = value;
  result["mbit_per_second_in"] = rates.getBandwidth(stage.bitsIn);
  result["mbit_per_second_out"] = rates.getBandwidth(stage.bitsOut);
  if (stage.kind == "memory") {
    result["cycles"] = stage.cycles;
    return result;
  }
  if (stage.kind == "fifo") {
    result["depth"] = stage.depth;
    result["word_bits"] = stage.wordBits;
    return result;
  }
  result["cycles"] = stage.cycles;
  // Every iteration begins one clock cycle after the one before.
  result["ii"] = 1;
  result["pipeline_stages"] = stage.latency;
  json::Object logic;
  for (auto [number, count] : llvm::enumerate(stage.logic))
    if (count != 0)
      logic[getName(Logic(number))] = count;
  result["logic"] = std::move(logic);
  return result;
}

static std::string writeJSON(DesignOp design, const Estimate &estimate,
                             const Part *part) {
  Rates rates(design, estimate);
  json::Array stages;
  for (const Stage &stage : estimate.stages)
    stages.push_back(describe(stage, rates));
  json::Object report{{"format", "qnt-fpga-report"},
                      {"version", fileVersion},
                      {"design", design.getSymName()},
                      {"clock_mhz", rates.clock},
                      {"cycles", rates.cycles},
                      {"frames_per_second", rates.getFrames()},
                      {"bottleneck", estimate.getBottleneck().name},
                      {"total", describe(estimate.total)},
                      {"stages", std::move(stages)}};
  json::Array ports;
  for (const MemoryPort &port : getMemoryPorts(design))
    ports.push_back(json::Object{
        {"name", port.name},
        {"bits", port.bits},
        {"bits_taken", port.usedBits},
        {"bytes", port.getBytes()},
        {"mbit_per_second", rates.getBandwidth(8 * port.getBytes())},
        {"mbit_per_second_most", double(port.bits) * rates.clock}});
  if (!ports.empty()) {
    llvm::StringRef slowest = estimate.getBottleneck().kind;
    report["memory"] = json::Object{
        {"ports", std::move(ports)},
        {"is_bottleneck", slowest == "fetch" || slowest == "memory"}};
  }
  if (part) {
    report["part"] = part->name;
    report["available"] = json::Object{
        {"dsp", part->dsps}, {"lut", part->luts}, {"bram36", part->blockRAMs}};
  }
  return formatv("{0:2}\n", json::Value(std::move(report)));
}

static constexpr const char *styleText = R"(<style>
body { font: 14px sans-serif; margin: 2em auto; max-width: 70em; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 0.2em 0.6em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.slowest { background: #fdd; }
.fifo { color: #777; }
meter { width: 12em; }
</style>)";

/// Of halves.
static std::string print(double number) {
  return number == std::floor(number) ? formatv("{0:f0}", number).str()
                                      : formatv("{0:f1}", number).str();
}

/// One row: what is taken of what there is.
static std::string writeShare(llvm::StringRef name, double taken,
                              int64_t available) {
  return formatv("<tr><td>{0}</td><td>{1}</td><td>{2}</td><td><meter "
                 "max=\"{2}\" value=\"{1}\"></meter> {3:f1}%</td></tr>\n",
                 name, print(taken), available,
                 100 * taken / double(std::max<int64_t>(1, available)));
}

static std::string writeRow(const Stage &stage, const Rates &rates,
                            bool isSlowest) {
  bool isFifo = stage.kind == "fifo";
  std::string what = isFifo ? formatv("to {0}: {1} words of {2} bits",
                                      stage.name, stage.depth, stage.wordBits)
                                  .str()
                            : stage.name;
  std::string cycles = isFifo ? "" : std::to_string(stage.cycles);
  std::string busy = isFifo ? ""
                            : formatv("{0:f1}%", 100 * double(stage.cycles) /
                                                     double(rates.cycles))
                                  .str();
  return formatv("<tr class=\"{0}\"><td>{1}</td><td>{2}</td><td>{3}</td>"
                 "<td>{4}</td><td>{5}</td><td>{6}</td><td>{7}</td>"
                 "<td>{8:f1}</td><td>{9:f1}</td></tr>\n",
                 isSlowest ? "slowest"
                 : isFifo  ? "fifo"
                           : "",
                 what, cycles, isFifo ? "" : "1", busy, stage.resources.dsps,
                 stage.resources.luts, print(stage.resources.getBlockRAMs()),
                 rates.getBandwidth(stage.bitsIn),
                 rates.getBandwidth(stage.bitsOut));
}

/// A table of the ports; nothing without.
static std::string writePorts(DesignOp design, const Estimate &estimate,
                              const Rates &rates) {
  std::string rows;
  double all = 0;
  for (const MemoryPort &port : getMemoryPorts(design)) {
    double taken = rates.getBandwidth(8 * port.getBytes());
    all += taken;
    rows += formatv("<tr><td>{0}</td><td>{1}</td><td>{2}</td><td>{3:f1}</td>"
                    "<td>{4:f1}</td></tr>\n",
                    port.name, port.bits, port.getBytes(), taken,
                    double(port.bits) * rates.clock);
  }
  if (rows.empty())
    return "";
  llvm::StringRef slowest = estimate.getBottleneck().kind;
  return formatv(
      "<h2>Memory</h2>\n<p>{0:f1} Mbit/s of weights, which {1} what "
      "frames wait for.</p>\n<table>\n<tr><th>port</th><th>bits</th>"
      "<th>bytes a frame</th><th>Mbit/s</th><th>at most</th></tr>\n"
      "{2}</table>\n",
      all, slowest == "fetch" || slowest == "memory" ? "are" : "are not", rows);
}

static std::string writePage(DesignOp design, const Estimate &estimate,
                             const Part *part) {
  Rates rates(design, estimate);
  const Stage &slowest = estimate.getBottleneck();
  std::string shares, rows;
  if (part)
    shares =
        "<table>\n<tr><th></th><th>estimate</th><th>" + part->name.str() +
        "</th><th></th></tr>\n" +
        writeShare("DSP", double(estimate.total.dsps), part->dsps) +
        writeShare("LUT", double(estimate.total.luts), part->luts) +
        writeShare("BRAM36", estimate.total.getBlockRAMs(), part->blockRAMs) +
        "</table>\n";
  for (const Stage &stage : estimate.stages)
    rows += writeRow(stage, rates, &stage == &slowest);
  return formatv(
      R"(<!doctype html>
<html lang="en"><meta charset="utf-8">
<title>{0}</title>
{1}
<h1>{0}</h1>
<p>A frame every {2} cycles, {3:f1} frames a second at {4:f1} MHz, as fast as the slowest
stage, <b>{5}</b>. Resources are estimates.</p>
{6}<h2>Stages</h2>
<table>
<tr><th>stage</th><th>cycles</th><th>II</th><th>busy</th><th>DSP</th><th>LUT</th>
<th>BRAM36</th><th>Mbit/s in</th><th>Mbit/s out</th></tr>
{7}</table>
{8}</html>
)",
      design.getSymName(), styleText, rates.cycles, rates.getFrames(),
      rates.clock, slowest.name, shares, rows,
      writePorts(design, estimate, rates));
}

Files fpga::writeReport(DesignOp design, const Estimate &estimate,
                        const Part *part) {
  Files files;
  files["report.json"] = writeJSON(design, estimate, part);
  files["report.html"] = writePage(design, estimate, part);
  return files;
}
