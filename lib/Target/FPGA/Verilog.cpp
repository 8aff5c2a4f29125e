//===- Verilog.cpp - designs as Verilog -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Verilog.h"

#include "DesignStreams.h"
#include "Pipeline.h"
#include "VerilogModules.h"
#include "VerilogOps.h"
#include "VerilogProcess.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

namespace {
/// Writes the module of a design, and those of its processes.
class DesignWriter {
public:
  explicit DesignWriter(DesignOp design) : design(design) {}

  FailureOr<Files> write();

private:
  LogicalResult writeProcesses();
  void writeFetch(FetchOp fetch);
  void connect(Value stream, const std::string &to);

  DesignOp design;
  Files files;
  UniqueNames names;
  std::string modules, ports, body;
  /// What the ends of streams are called where they come from.
  llvm::DenseMap<Value, std::string> producers;
};
} // namespace

/// Wires of a stream's end.
static std::string declareEnd(const std::string &name, StreamType type) {
  return formatv("  wire {0}{1}_data;\n  wire {1}_valid;\n  wire {1}_ready;\n",
                 declareRange(type.getWordBits()), name);
}

static std::string bindEnd(const std::string &port, const std::string &name) {
  return formatv(",\n    .{0}_data({1}_data), .{0}_valid({1}_valid), "
                 ".{0}_ready({1}_ready)",
                 port, name);
}

/// A FIFO between a stream's producer and its reader, through qflow.fifo's.
void DesignWriter::connect(Value stream, const std::string &to) {
  auto type = cast<StreamType>(stream.getType());
  auto [source, depth] = followFifos(stream);
  body += formatv("  {0} {1} (\n    .clk(clk), .rst(rst){2}{3});\n",
                  nameFifo(depth, type.getWordBits()), names.make("fifo_" + to),
                  bindEnd("in", producers.lookup(source)), bindEnd("out", to));
}

/// Words that were asked for wait in a FIFO, which has room for them.
void DesignWriter::writeFetch(FetchOp fetch) {
  StreamType type = fetch.getResult().getType();
  std::string port = names.make(fetch.getName());
  std::string name = names.make("u_fetch_" + port), got = name + "_got",
              end = name + "_out0";
  int64_t bits = type.getWordBits();
  ports += ",\n" + declareMemoryPort(port, int64_t(fetch.getPort()));
  body += declareEnd(got, type) + declareEnd(end, type);
  body += formatv("  {0} {1} (\n    .clk(clk), .rst(rst){2}{3},\n    "
                  ".leaves({4}_valid & {4}_ready));\n",
                  nameFetch(fetch), name, bindMemoryPort(port),
                  bindEnd("out", got), end);
  body += formatv("  {0} {1}_ahead (\n    .clk(clk), .rst(rst){2}{3});\n",
                  nameFifo(int64_t(fetch.getAhead()), bits), name,
                  bindEnd("in", got), bindEnd("out", end));
  producers[fetch.getResult()] = end;
}

LogicalResult DesignWriter::writeProcesses() {
  double period = getStagePeriod(getClock(design));
  auto processNames = nameProcesses(design);
  auto processName = processNames.begin();
  for (Operation &op : design.getBody().front()) {
    if (isa<FifoOp, OutputOp>(op))
      continue;
    if (auto fetch = dyn_cast<FetchOp>(op)) {
      writeFetch(fetch);
      continue;
    }
    auto process = dyn_cast<ProcessOp>(op);
    if (!process)
      return op.emitOpError("is neither process nor FIFO, which Verilog is "
                            "made of");
    auto pipeline = Pipeline::make(process, period);
    if (failed(pipeline))
      return failure();
    // No keyword begins like that.
    std::string name = names.make("u_" + *processName);
    std::string module = design.getSymName().str() + "_" + *processName++;
    modules += "\n" + writeProcess(process, *pipeline, module, files);
    std::string ends;
    for (auto [number, result] : llvm::enumerate(process.getResults())) {
      std::string end = formatv("{0}_out{1}", name, number);
      body += declareEnd(end, cast<StreamType>(result.getType()));
      ends += bindEnd(formatv("out{0}", number), end);
      producers[result] = end;
    }
    for (auto [number, input] : llvm::enumerate(process.getInputs())) {
      std::string end = formatv("{0}_in{1}", name, number);
      body += declareEnd(end, cast<StreamType>(input.getType()));
      ends += bindEnd(formatv("in{0}", number), end);
      connect(input, end);
    }
    body += formatv("  {0} {1} (\n    .clk(clk), .rst(rst){2});\n", module,
                    name, ends);
  }
  return success();
}

static const std::string macroText =
    "`ifdef YOSYS\n`define QNT_LUTS \"logic\"\n`else\n`define "
    "QNT_LUTS \"distributed\"\n`endif\n";

FailureOr<Files> DesignWriter::write() {
  for (auto [number, stream] :
       llvm::enumerate(design.getBody().getArguments())) {
    std::string name = names.make(getInputName(design, number));
    ports += ",\n" + declarePorts(
                         name, cast<StreamType>(stream.getType()).getWordBits(),
                         /*isInput=*/true);
    producers[stream] = name;
  }
  if (failed(writeProcesses()))
    return failure();
  auto output = cast<OutputOp>(design.getBody().front().getTerminator());
  for (auto [number, stream] : llvm::enumerate(output.getStreams())) {
    std::string name = names.make(getOutputName(design, number));
    ports += ",\n" + declarePorts(
                         name, cast<StreamType>(stream.getType()).getWordBits(),
                         /*isInput=*/false);
    connect(stream, name);
  }
  std::string name = design.getSymName().str();
  std::string text =
      macroText +
      formatv("\nmodule {0} (\n  input clk,\n  input rst{1}\n);\n"
              "{2}endmodule\n",
              name, ports, body)
          .str() +
      modules;
  files[name + ".v"] = text + writeModules(text);
  return std::move(files);
}

FailureOr<Files> fpga::emitVerilog(DesignOp design) {
  return DesignWriter(design).write();
}

FailureOr<Files> fpga::emitIterations(DesignOp design) {
  Files files;
  std::string begin = design.getSymName().str() + "_", text = macroText;
  for (auto [process, name] :
       llvm::zip_equal(design.getOps<ProcessOp>(), nameProcesses(design))) {
    if (failed(Pipeline::make(process, getStagePeriod(getClock(design)))))
      return failure();
    text += "\n" + writeIteration(process, begin + name + "_iteration", files);
  }
  files[begin + "iterations.v"] = text + writeModules(text);
  return files;
}
