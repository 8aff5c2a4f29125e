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

namespace {
/// A stream of the design's interface.
struct Port {
  std::string name;
  StreamType type;
  DictionaryAttr attributes;
  bool isInput;
};
} // namespace

static SmallVector<Port> getPorts(DesignOp design) {
  SmallVector<Port> ports;
  for (auto [number, type] : llvm::enumerate(design.getArgumentTypes()))
    ports.push_back({getInputName(design, number), cast<StreamType>(type),
                     design.getArgAttrDict(number), true});
  for (auto [number, type] : llvm::enumerate(design.getResultTypes()))
    ports.push_back({getOutputName(design, number), cast<StreamType>(type),
                     design.getResultAttrDict(number), false});
  return ports;
}

static constexpr const char *mainText = R"(#include "Vbench.h"

int main(int argc, char **argv) {
  VerilatedContext context;
  context.commandArgs(argc, argv);
  context.randReset(2);
  Vbench bench(&context);
  for (long edge = 0; !context.gotFinish(); ++edge) {
    bench.rst = edge < 8;
    bench.clk = edge & 1;
    bench.eval();
  }
  bench.final();
  return 0;
}
)";

/// A memory behind each port, of NAME.hex.
static std::string writeMemories(DesignOp design, std::string &bindings) {
  static constexpr std::pair<const char *, int64_t> wires[] = {
      {"araddr", 64}, {"arlen", 8},   {"arsize", 3}, {"arburst", 2},
      {"arvalid", 1}, {"arready", 1}, {"rdata", 0},  {"rresp", 2},
      {"rlast", 1},   {"rvalid", 1},  {"rready", 1}};
  std::string text;
  for (const MemoryPort &port : getMemoryPorts(design)) {
    std::string declared, bound;
    for (auto [wire, bits] : wires) {
      declared += formatv("  wire [{0}:0] {1}_{2};\n",
                          (bits ? bits : port.bits) - 1, port.name, wire);
      bound += formatv(",\n    .{1}({0}_{1})", port.name, wire);
      bindings += formatv(",\n    .{0}_{1}({0}_{1})", port.name, wire);
    }
    bindings += formatv(",\n    .{0}_base(64'd{1}), .{0}_error({0}_error)",
                        port.name, port.offset);
    text +=
        formatv(R"(
{3}  axi_memory #(.PORT({1}), .WORDS({2}), .FILE("{0}.hex"), .BASE(64'd{4})) {0}_memory(
    .clk(clk), .rst(rst), .latency(LATENCY), .jitter(JITTER), .stalls(STALLS),
    .pace(PACE){5});
  wire {0}_error;
  always @(posedge clk) if (!rst & {0}_error) begin
    $display("{0} has an error");
    $fatal;
  end
)",
                port.name, port.bits, port.words, declared, port.offset, bound);
  }
  return text;
}

/// Feeds NAME.hex, a word a line, writes down what comes out, and compares it
/// with NAME.expected.hex.
static std::string writeBench(DesignOp design, ArrayRef<Port> ports) {
  std::string bodies, bindings, verdicts, done = "1", one = "1", moves = "1'b0";
  for (auto [number, port] : llvm::enumerate(ports)) {
    bindings += formatv(",\n    .{0}_data({0}_data), .{0}_valid({0}_valid), "
                        ".{0}_ready({0}_ready)",
                        port.name);
    moves += formatv(" | ({0}_valid & {0}_ready)", port.name);
    int64_t high = port.type.getWordBits() - 1;
    // A word that was offered stays until it is taken.
    bodies += formatv(R"(
  reg [31:0] {0}_noise = 32'd{1};
  wire {0}_moves = STALLS == 0 | {0}_noise[31:28] >= STALLS;
  always @(posedge clk) {0}_noise <= {0}_noise * 32'd1664525 + 32'd1013904223;
)",
                      port.name, uint32_t(number + 1) * 2654435761u);
    if (port.isInput) {
      bodies += formatv(R"(
  reg [{1}:0] {0}_words [0:FRAMES*{2}-1];
  integer {0}_at = 0;
  reg {0}_waits = 0;
  wire {0}_valid = {0}_at < FRAMES * {2} & ({0}_moves | {0}_waits);
  wire {0}_ready;
  wire [{1}:0] {0}_data = {0}_words[{0}_at];
  initial $readmemh("{0}.hex", {0}_words);
  always @(posedge clk) begin
    {0}_waits <= !rst & {0}_valid & !{0}_ready;
    if (!rst & {0}_valid & {0}_ready) {0}_at <= {0}_at + 1;
  end
)",
                        port.name, high, port.type.getWords());
      continue;
    }
    done += formatv(" & {0}_count == FRAMES * {1}", port.name,
                    port.type.getWords());
    one += formatv(" & {0}_count >= {1}", port.name, port.type.getWords());
    bodies += formatv(R"(
  wire [{1}:0] {0}_data;
  wire {0}_valid;
  wire {0}_ready = {0}_moves;
  integer {0}_count = 0;
  integer {0}_wrong = 0;
  integer {0}_file, {0}_known;
  reg [{1}:0] {0}_expected [0:FRAMES*{2}-1];
  initial begin
    {0}_known = $fopen("{0}.expected.hex", "r");
    if ({0}_known != 0) $readmemh("{0}.expected.hex", {0}_expected);
    {0}_file = $fopen("{0}.hex", "w");
  end
  always @(posedge clk)
    if (!rst & {0}_valid & {0}_ready & {0}_count < FRAMES * {2}) begin
      $fwrite({0}_file, "%h\n", {0}_data);
      if ({0}_data !== {0}_expected[{0}_count]) {0}_wrong <= {0}_wrong + 1;
      {0}_count <= {0}_count + 1;
    end
)",
                      port.name, high, port.type.getWords());
    verdicts += formatv(R"(
      if ({0}_known == 0) $display("{0}: not compared, there is no {0}.expected.hex");
      else begin
        $display("{0}: %0d of %0d words differ", {0}_wrong, {0}_count);
        if ({0}_wrong != 0) $fatal;
      end)",
                        port.name);
  }
  bodies += writeMemories(design, bindings);
  std::string parameters;
  if (!getMemoryPorts(design).empty())
    parameters = ",\n               parameter LATENCY = 32, parameter JITTER "
                 "= 0, parameter PACE = 1";
  return formatv(
      R"(// Runs FRAMES frames: words come from NAME.hex of each stream that comes in,
// and go to NAME.hex of those that go out, hexadecimal, a word a line; these are
// compared with NAME.expected.hex. Of 16 cycles, each stream waits in STALLS.
module bench #(parameter FRAMES = 1, parameter STALLS = 0{5}) (input clk, input rst);
  integer cycle = 0;
  integer first = 0;
  integer idle = 0;
{0}
  {1} dut(
    .clk(clk), .rst(rst){2});
  always @(posedge clk) if (!rst) begin
    cycle <= cycle + 1;
    if (first == 0 & ({7})) first <= cycle;
    // As long as words come in or go out.
    idle <= ({4}) ? 0 : idle + 1;
    if (idle == 1000000) begin
      $display("nothing moves any more");
      $fatal;
    end
    if ({3}) begin
      $display("%0d frames in %0d cycles, the first one in %0d", FRAMES, cycle,
        FRAMES == 1 ? cycle : first);{6}
      $finish;
    end
  end
endmodule
)",
      bodies, design.getSymName(), bindings, done, moves, parameters, verdicts,
      one);
}

static constexpr const char *memoryOptionsText =
    R"(# Of the memory, which waits as streams do: cycles to the first word of a burst, up to so
# many more, cycles a word at the least.
LATENCY ?= 32
JITTER ?= 0
PACE ?= 1
)";

static std::string writeMakefile(DesignOp design, const Part &part,
                                 ArrayRef<Port> ports) {
  bool hasMemory = !getMemoryPorts(design).empty();
  return formatv(
      R"(# make rtlsim: runs the design on the words of NAME.hex and compares what it gives with
# NAME.expected.hex (README.md); of 16 cycles, streams wait in STALLS
# make synth: maps it by Yosys
FRAMES ?= $(shell expr $$(wc -l < {5}.hex) / {6})
STALLS ?= 0
# Depths of FIFOs are measured where nothing waits but for the design itself.
FIFOS = $(if $(filter 0,$(STALLS)),fifos.json,/dev/null)
{2}
rtlsim: $(SIM)/Vbench
	$(SIM)/Vbench > rtlsim.txt; status=$$?; grep -v "^FIFO " rtlsim.txt; exit $$status
	awk '$$1 == "FIFO" && $$2 ~ /fifo_/ {{ sub(/.*fifo_(u_)?/, "", $$2); most = $$4 < 2 ? 2 : $$4; \
	  printf "%s\"%s\": %d", n++ ? ", " : "{{\"format\": \"qnt-fpga-fifos\", \"version\": 1, \"depths\": {{", $$2, most; \
	  printf "%-24s %7d words deep, %7d needed\n", $$2, $$3, $$4 > "/dev/stderr" } \
	  END {{ print "}}" }' rtlsim.txt > $(FIFOS)

# What -Wall says and is as it should be: modules of one file; streams of bits that nothing
# reads; files are read by blocking assignments; a width takes or cuts what an assignment has;
# comparisons that are constant, as with 0.
LINT = -Wall -Wno-DECLFILENAME -Wno-UNUSED -Wno-BLKSEQ -Wno-WIDTH -Wno-UNSIGNED -Wno-CMPCONST

$(SIM)/Vbench: bench.v bench.cpp {0}.v
	verilator --cc --exe --build $(LINT) -DQNT_MEASURE --top-module bench \
	  -GFRAMES=$(FRAMES) -GSTALLS=$(STALLS){3} -CFLAGS -O1 --Mdir $(SIM) bench.v {0}.v{4} bench.cpp

synth:
	yosys -p "read_verilog {0}.v; synth_xilinx -family {1} -top {0}; tee -o synth.txt stat"

.PHONY: rtlsim synth
)",
      design.getSymName(), part.family,
      hasMemory
          ? std::string(memoryOptionsText) +
                "SIM = sim-$(FRAMES)-$(STALLS)-$(LATENCY)-$(JITTER)-$(PACE)\n"
          : "SIM = sim-$(FRAMES)-$(STALLS)\n",
      hasMemory ? " -GLATENCY=$(LATENCY) -GJITTER=$(JITTER) -GPACE=$(PACE)"
                : "",
      hasMemory ? " axi_memory.v" : "", ports.front().name,
      ports.front().type.getWords());
}

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
random. It says how many words each FIFO needed, and writes these depths to fifos.json,
which `quant-opt --target="fpga ... fifos=fifos.json"` takes.
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
  SmallVector<Port> ports = getPorts(design);
  Files files;
  files["README.md"] = writeReadme(design, estimate, part, ports);
  files["verilog/Makefile"] = writeMakefile(design, part, ports);
  files["verilog/bench.v"] = writeBench(design, ports);
  files["verilog/bench.cpp"] = mainText;
  if (getMemoryPorts(design).empty())
    return files;
  files["weights.bin"] = writeMemoryImage(design);
  files["verilog/axi_memory.v"] = axiMemoryText;
  for (auto &[name, text] : writeMemoryWords(design))
    files["verilog/" + name] = std::move(text);
  return files;
}
