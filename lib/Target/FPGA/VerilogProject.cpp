//===- VerilogProject.cpp - what is beside the Verilog of a design -------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/MemoryPorts.h"
#include "qnt/Target/FPGA/Project.h"

#include "DesignStreams.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

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
  return bench.failed;
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
    .clk(clk), .rst(rst), .latency(latency), .jitter(jitter), .stalls(stalls),
    .pace(pace){5});
  wire {0}_error;
  always @(posedge clk) if (!rst & {0}_error) fail("{0} has an error");
)",
                port.name, port.bits, port.words, declared, port.offset, bound);
  }
  return text;
}

/// The next word of NAME's file, hexadecimal, into NAME_next; after its last
/// one the first again.
static constexpr const char *takeText = R"(
  reg [{1}:0] {0}_next;
  integer {0}_from = 0;
  integer {0}_status;
  task {0}_take;
    begin
      {0}_status = $fscanf({0}_from, "%h", {0}_next);
      if ({0}_status != 1) begin
        {0}_status = $rewind({0}_from);
        {0}_status = $fscanf({0}_from, "%h", {0}_next);
        if ({0}_status != 1) fail("{2} has no words");
      end
    end
  endtask
)";

static std::string writeInput(const Port &port) {
  int64_t high = port.type.getWordBits() - 1, words = port.type.getWords();
  return formatv(takeText, port.name, high, port.name + ".hex").str() +
         formatv(R"(
  initial begin
    {0}_from = $fopen("{0}.hex", "r");
    if ({0}_from == 0) fail("there is no {0}.hex");
  end
  reg [{1}:0] {0}_data;
  reg {0}_is_there = 0;
  reg {0}_moves = 0;
  integer {0}_at = 0;
  wire {0}_valid = {0}_moves & {0}_at < frames * {2};
  wire {0}_ready;
  always @(posedge clk) if ({0}_from != 0) begin
    // A word that was offered stays until it is taken.
    if (!{0}_valid | {0}_ready) {0}_moves <= $urandom % 16 >= stalls;
    if (rst ? !{0}_is_there : {0}_valid & {0}_ready) begin
      {0}_take;
      {0}_data <= {0}_next;
      {0}_is_there <= 1;
    end
    if (!rst & {0}_valid & {0}_ready) {0}_at <= {0}_at + 1;
  end
)",
                 port.name, high, words)
             .str();
}

static std::string writeOutput(const Port &port) {
  int64_t high = port.type.getWordBits() - 1, words = port.type.getWords();
  return formatv(takeText, port.name, high, port.name + ".expected.hex").str() +
         formatv(R"(
  integer {0}_to;
  initial begin
    {0}_from = $fopen("{0}.expected.hex", "r");
    {0}_to = $fopen("{0}.hex", "w");
  end
  wire [{1}:0] {0}_data;
  wire {0}_valid;
  reg {0}_ready = 0;
  integer {0}_count = 0;
  integer {0}_wrong = 0;
  always @(posedge clk) begin
    {0}_ready <= $urandom % 16 >= stalls;
    if (!rst & {0}_valid & {0}_ready & {0}_count < frames * {2}) begin
      $fwrite({0}_to, "%h\n", {0}_data);
      if ({0}_from != 0) begin
        {0}_take;
        if ({0}_data !== {0}_next) {0}_wrong <= {0}_wrong + 1;
      end
      {0}_count <= {0}_count + 1;
    end
  end
)",
                 port.name, high, words)
             .str();
}

/// Feeds NAME.hex, a word a line, writes down what comes out, and compares it
/// with NAME.expected.hex.
static std::string writeBench(DesignOp design, ArrayRef<Port> ports) {
  std::string bodies, bindings, verdicts, whole = "1", moves = "1'b0";
  for (const Port &port : ports) {
    bindings += formatv(",\n    .{0}_data({0}_data), .{0}_valid({0}_valid), "
                        ".{0}_ready({0}_ready)",
                        port.name);
    moves += formatv(" | ({0}_valid & {0}_ready)", port.name);
    bodies += port.isInput ? writeInput(port) : writeOutput(port);
    if (port.isInput)
      continue;
    whole += formatv(" & {0}_count >= (ended + 1) * {1}", port.name,
                     port.type.getWords());
    verdicts += formatv(R"(
        if ({0}_from == 0) $display("{0}: not compared, there is no {0}.expected.hex");
        else $display("{0}: %0d of %0d words differ", {0}_wrong, {0}_count);
        if ({0}_wrong != 0) failed = 1;)",
                        port.name);
  }
  bodies += writeMemories(design, bindings);
  SmallVector<std::pair<StringRef, int>> options{{"frames", 1}, {"stalls", 0}};
  if (!getMemoryPorts(design).empty())
    options.append({{"latency", 32}, {"jitter", 0}, {"pace", 1}});
  std::string declared, read;
  for (auto [name, otherwise] : options) {
    declared += formatv("  integer {0};\n", name);
    read +=
        formatv("    if ($value$plusargs(\"{0}=%d\", {0}) == 0) {0} = {1};\n",
                name, otherwise);
  }
  return formatv(
      R"(// Runs +frames=N frames: words come from NAME.hex of each stream that comes in, from
// its first one again after its last, and go to NAME.hex of those that go out, hexadecimal, a word
// a line; these are compared with NAME.expected.hex. Of 16 cycles, each stream waits in +stalls=N,
// at random (+verilator+seed+N).
module bench(input clk, input rst, output reg failed = 0);
{5}  initial begin
{6}    if (frames < 1 | stalls < 0 | stalls > 15)
      fail("expected FRAMES of 1 or more, and STALLS of 0 to 15");
  end
  task fail(input [8*80-1:0] why);
    begin
      $display("%0s", why);
      failed = 1;
      $finish;
    end
  endtask
{0}
  {1} dut(
    .clk(clk), .rst(rst){2});

  integer cycle = 0;
  integer idle = 0;
  // Frames that are whole; cycles until the first one and the latest one are.
  integer ended = 0;
  integer first = 0;
  integer latest = 0;
  always @(posedge clk) if (!rst & !failed) begin
    cycle <= cycle + 1;
    // As long as words come in or go out.
    idle <= ({4}) ? 0 : idle + 1;
    if (idle == 1000000) fail("nothing moves any more");
    if ({3}) begin
      ended <= ended + 1;
      latest <= cycle;
      if (ended == 0) first <= cycle;
      if (ended + 1 == frames) begin
        if (frames == 1) $display("1 frame in %0d cycles", cycle);
        else $display("%0d frames in %0d cycles, the first one in %0d, the last one in %0d",
          frames, cycle, first, cycle - latest);{7}
        $finish;
      end
    end
  end
endmodule
)",
      bodies, design.getSymName(), bindings, whole, moves, declared, read,
      verdicts);
}

static constexpr const char *memoryOptionsText =
    R"(# Of the memory, which waits as streams do: cycles to the first word of a burst, up to so
# many more, cycles a word at the least.
LATENCY ?= 32
JITTER ?= 0
PACE ?= 1
)";

static std::string writeMakefile(DesignOp design, const Part &part,
                                 const Port &input) {
  bool hasMemory = !getMemoryPorts(design).empty();
  return formatv(
      R"(# make rtlsim: runs the design on the words of NAME.hex and compares what it gives with
# NAME.expected.hex (README.md)
# make synth: maps it by Yosys

# Of more frames than there are, the first ones come again. Of 16 cycles, streams wait in STALLS, at
# random: SEED draws others.
FRAMES ?= $(shell expr $$(wc -l < {5}.hex) / {6})
STALLS ?= 0
SEED ?= 1
{2}# Depths of FIFOs are measured where nothing waits but for the design itself.
FIFOS = $(if $(filter 0,$(STALLS)),fifos.json,/dev/null)

rtlsim: sim/Vbench
	@sim/Vbench +frames=$(FRAMES) +stalls=$(STALLS) +verilator+seed+$(SEED){3} > rtlsim.txt; \
	  status=$$?; grep -v -e "^FIFO " -e "Verilog .finish" rtlsim.txt; exit $$status
	@awk '$$1 == "FIFO" && $$2 ~ /fifo_/ {{ sub(/.*fifo_(u_)?/, "", $$2); most = $$4 < 2 ? 2 : $$4; \
	  printf "%s\"%s\": %d", n++ ? ", " : "{{\"format\": \"qnt-fpga-fifos\", \"version\": 1, \"depths\": {{", $$2, most; \
	  printf "%-24s %7d words deep, %7d needed\n", $$2, $$3, $$4 > "/dev/stderr" } \
	  END {{ print "}}" }' rtlsim.txt > $(FIFOS)

# What -Wall says and is as it should be: modules of one file; streams of bits that nothing
# reads; files are read by blocking assignments; a width takes or cuts what an assignment has;
# comparisons that are constant, as with 0.
LINT = -Wall -Wno-DECLFILENAME -Wno-UNUSED -Wno-BLKSEQ -Wno-WIDTH -Wno-UNSIGNED -Wno-CMPCONST

sim/Vbench: bench.v bench.cpp {0}.v
	verilator --cc --exe --build $(LINT) -DQNT_MEASURE --top-module bench \
	  -CFLAGS -O1 --Mdir sim bench.v {0}.v{4} bench.cpp

synth:
	yosys -p "read_verilog {0}.v; synth_xilinx -family {1} -top {0}; tee -o synth.txt stat"

.PHONY: rtlsim synth
)",
      design.getSymName(), part.family, hasMemory ? memoryOptionsText : "",
      hasMemory ? " \\\n\t  +latency=$(LATENCY) +jitter=$(JITTER) "
                  "+pace=$(PACE)"
                : "",
      hasMemory ? " axi_memory.v" : "", input.name, input.type.getWords());
}

Files fpga::writeVerilogProject(DesignOp design, const Part &part) {
  SmallVector<Port> ports = getPorts(design);
  Files files;
  files["verilog/Makefile"] = writeMakefile(design, part, ports.front());
  files["verilog/bench.v"] = writeBench(design, ports);
  files["verilog/bench.cpp"] = mainText;
  if (getMemoryPorts(design).empty())
    return files;
  files["verilog/axi_memory.v"] = axiMemoryText;
  for (auto &[name, text] : writeMemoryWords(design))
    files["verilog/" + name] = std::move(text);
  return files;
}
