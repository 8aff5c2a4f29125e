//===- Project.cpp - what is beside a design -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/Project.h"
#include "qnt/Target/FPGA/MemoryPorts.h"

#include "DesignStreams.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

/// What numbers of a stream are multiplied by, where that is known.
static ArrayRef<float> getScales(const Port &port) {
  auto scales = port.attributes
                    ? port.attributes.getAs<DenseF32ArrayAttr>("qflow.scales")
                    : nullptr;
  return scales ? scales.asArrayRef() : ArrayRef<float>();
}

/// With all its digits.
static std::string print(float number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", number);
  return text;
}

static std::string describe(const Port &port) {
  IntegerType element = port.type.getElement();
  std::string shape;
  llvm::raw_string_ostream os(shape);
  llvm::interleave(port.type.getShape(), os, " x ");
  std::string text = formatv(
      "| `{0}` | {1} | {2} | {3}signed, {4} bits | {5} | {6} |", port.name,
      port.isInput ? "in" : "out", shape, element.isUnsigned() ? "un" : "",
      element.getWidth(), port.type.getLanes(), port.type.getWords());
  ArrayRef<float> scales = getScales(port);
  auto zero = port.attributes ? port.attributes.getAs<IntegerAttr>("qflow.zero")
                              : nullptr;
  std::string meaning = "integers";
  if (scales.size() == 1)
    meaning = formatv("(n - {0}) * {1}", zero ? zero.getInt() : 0,
                      print(scales.front()));
  else if (scales.size() > 1)
    meaning = "n * the channel's scale, below";
  return text + " " + meaning + " |\n";
}

/// What the design reads, and who puts it there; nothing without memory.
static std::string describeMemory(DesignOp design, const Estimate &estimate) {
  std::vector<MemoryPort> ports = getMemoryPorts(design);
  if (ports.empty())
    return "";
  double frames =
      design.getClock()->convertToDouble() * 1e6 / double(estimate.getCycles());
  std::string table;
  for (const MemoryPort &port : ports)
    table += formatv("| `{0}` | {1} | {2} | {3} | {4} | {5:f1} |\n", port.name,
                     port.offset, port.getBytes(), port.bits, port.usedBits,
                     double(port.getBytes()) * frames / 1e6);
  return formatv(R"(
## Memory

Weights are in a memory outside of the design, where the host loads them before the design
leaves reset (Verilog) or is started (C++): `weights.bin`, byte by byte, from an address that is
a multiple of 4096 on. A port reads all of its words, in their order, for each frame, in bursts
of words that follow each other. Byte 0 of a word is its lowest; of its bits the design takes
the lowest, as the table says. The address of a port is the file's plus its offset.

| port | offset | bytes a frame | bits a word | taken | MB/s |
|---|---|---|---|---|---|
{0}
In Verilog, a port is an AXI4 read port, NAME_araddr ... NAME_rready; NAME_base is its address,
which stays the same while `rst` is not set; NAME_error is set once a response was an error. It
reads ahead, also of the next frame. In C++ it is a pointer (`m_axi`), whose address
a register has (`s_axilite`), as what starts the function.

NAME.hex of each port has its words, one a line, for the simulations. `make rtlsim` has a memory
that answers a burst after LATENCY cycles and up to JITTER more, waits in STALLS of 16 cycles,
and gives a word each PACE cycles or later; it stops at what AXI4 forbids.
)",
                 table);
}

static std::string writeReadme(DesignOp design, const Estimate &estimate,
                               const Part &part, ArrayRef<Port> ports) {
  std::string table, scalesText;
  for (const Port &port : ports) {
    table += describe(port);
    ArrayRef<float> scales = getScales(port);
    if (scales.size() < 2)
      continue;
    scalesText += "\nScales of `" + port.name + "`:";
    for (float scale : scales)
      scalesText += " " + print(scale);
    scalesText += "\n";
  }
  const Stage &slowest = estimate.getBottleneck();
  double clock = design.getClock()->convertToDouble();
  return formatv(R"(# {0}

A dataflow design for {1} at {2:f1} MHz: a frame every {3} cycles or more, {4:f1} frames
a second, once it runs, as fast as the slowest stage, `{7}`. It takes about {8} of {9} DSPs,
{10} of {11} LUTs and {12} of {13} block RAMs of 36 Kib; report.html and report.json say what
each stage takes. `verilog/` has the Verilog-2001 of module `{0}` with the contents
of its memories (.mem), which are read from the folder that a tool runs in; `cpp/` has the
same processes as C++ for Vitis HLS, function `{0}`.

## Interface

`clk`; `rst`, synchronous, active high; for each stream NAME_data, NAME_valid and
NAME_ready: a word goes where valid and ready are both set. Elements of a frame are in
row-major order, so many a word, the first in the lowest bits. Frames follow each other.

| stream | | frame | element | elements a word | words a frame | stands for |
|---|---|---|---|---|---|---|
{5}{6}
What a model does to its inputs before the first codes, and what it does to its results
after the last ones, stays with the host.
{14}
## Running it

`make rtlsim` in `verilog/` takes the words of each stream that comes in from NAME.hex, whole
frames, hexadecimal, one a line, writes those that go out likewise (Verilator), and compares
them with NAME.expected.hex: it fails where words differ. The files that are here have frames of
random inputs of the model, and what the interpreter of quant-opt gives for them; without a file
of what is expected, nothing is compared. With STALLS=N, each stream waits in N of 16 cycles, at
random: SEED=N draws others. FRAMES=N runs so many, the first ones again behind the last. It says in
how many cycles frames came, how many words each FIFO needed, and writes these depths to
fifos.json, which `quant-opt --target="fpga ... fifos=fifos.json"` takes.
`make synth` maps the design by Yosys.

`make csim` in `cpp/` does the same with the C++ and clang 16 or later, with SANITIZE=1 so that
it stops at what C++ does not define, and reads rubbish from what was never written;
CSIM_INCLUDE=DIR takes another ap_int.h and hls_stream.h, such as Vitis', CXX another compiler.
run_vitis.tcl takes it through Vitis HLS, and vitis_report.py shows what that found of each stage
beside report.json; neither has met Vitis yet. The Verilog is a sibling of the C++, not what
Vitis makes of it.
)",
                 design.getSymName(), part.name, clock, estimate.getCycles(),
                 clock * 1e6 / double(estimate.getCycles()), table, scalesText,
                 slowest.name, estimate.total.dsps, part.dsps,
                 estimate.total.luts, part.luts, estimate.total.getBlockRAMs(),
                 part.blockRAMs, describeMemory(design, estimate));
}

Files fpga::writeProject(DesignOp design, const Estimate &estimate,
                         const Part &part) {
  Files files;
  files["README.md"] = writeReadme(design, estimate, part, getPorts(design));
  if (!getMemoryPorts(design).empty())
    files["weights.bin"] = writeMemoryImage(design);
  return files;
}
