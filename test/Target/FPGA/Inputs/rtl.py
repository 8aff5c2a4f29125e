"""Verilog designs run by Verilator: words in, words and clock cycles out."""
import pathlib
import re
import subprocess
import textwrap

MAIN = """
#include "Vbench.h"
#include <cstdlib>
int main(int argc, char **argv) {
  VerilatedContext context;
  context.commandArgs(argc, argv);
  context.randReset(2);
  Vbench bench(&context);
  bench.rst = 1;
  for (long cycle = 0; cycle < 2 * atol(argv[1]) && !context.gotFinish(); ++cycle) {
    bench.rst = cycle < 8;
    bench.clk = cycle & 1;
    bench.eval();
  }
  bench.final();
  return context.gotFinish() ? 0 : 3;
}
"""


# Where the words of memories begin.
BASE = 0x3_4567_8000


def find_memories(folder, design):
    """What a design reads from memory: [(name, bits of a word, words)]."""
    text = (folder / f"{design}.v").read_text()
    return [(name, int(high) + 1, len((folder / f"{name}.hex").read_text().split()))
            for high, name in re.findall(r"^  input \[(\d+):0\] (\w+)_rdata", text, re.M)]


def bench(design, inputs, outputs, memories=()):
    """A module that feeds `design` and writes down what it gives. Streams are
    (name, bits, words)."""
    ports, body, done = [".clk(clk), .rst(rst)"], [], []
    for name, bits, words in inputs:
        ports.append(f".{name}_data({name}_words[{name}_at]), .{name}_valid({name}_valid), "
                     f".{name}_ready({name}_ready)")
        body.append(f"""
            reg [{bits - 1}:0] {name}_words [0:{words}];
            integer {name}_at = 0;
            reg {name}_go = 0;
            wire {name}_ready;
            wire {name}_valid = {name}_go & ({name}_at < {words});
            initial $readmemh("{name}.in", {name}_words);
            always @(posedge clk) if (!rst) begin
              if ({name}_valid & {name}_ready) {name}_at <= {name}_at + 1;
              // Once offered, a word stays.
              if (!{name}_valid | {name}_ready) {name}_go <= ($urandom % 16) >= stalls;
            end""")
    for name, bits, words in outputs:
        ports.append(f".{name}_data({name}_data), .{name}_valid({name}_valid), "
                     f".{name}_ready({name}_go)")
        done.append(f"{name}_count == {words}")
        body.append(f"""
            wire [{bits - 1}:0] {name}_data;
            wire {name}_valid;
            reg {name}_go = 0;
            integer {name}_count = 0;
            integer {name}_file;
            initial {name}_file = $fopen("{name}.out", "w");
            always @(posedge clk) if (!rst) begin
              if ({name}_valid & {name}_go) begin
                $fwrite({name}_file, "%0d %h\\n", cycle, {name}_data);
                {name}_count <= {name}_count + 1;
              end
              {name}_go <= ($urandom % 16) >= stalls;
            end""")
    for name, bits, words in memories:
        wires = {"araddr": 64, "arlen": 8, "arsize": 3, "arburst": 2, "arvalid": 1, "arready": 1,
                 "rdata": bits, "rresp": 2, "rlast": 1, "rvalid": 1, "rready": 1}
        bound = ", ".join(f".{wire}({name}_{wire})" for wire in wires)
        ports += [f".{name}_{wire}({name}_{wire})" for wire in wires]
        ports += [f".{name}_base(64'd{BASE})", f".{name}_error({name}_error)"]
        body.append("\n" + "".join(f"wire [{n - 1}:0] {name}_{wire};\n" for wire, n in wires.items()) + f"""
            wire {name}_error;
            axi_memory #(.PORT({bits}), .WORDS({words}), .FILE("{name}.hex"), .BASE(64'd{BASE}))
              {name}_memory(.clk(clk), .rst(rst), .latency(latency), .jitter(jitter),
                            .stalls(memory_stalls), .pace(pace), {bound});
            always @(posedge clk) if (!rst & {name}_error) $fatal;""")
    return f"""
module bench(input clk, input rst);
  integer stalls = 0;
  integer cycle = 0;
  integer latency = 0;
  integer jitter = 0;
  integer memory_stalls = 0;
  integer pace = 1;
  initial begin
    if (!$value$plusargs("stalls=%d", stalls)) stalls = 0;
    if (!$value$plusargs("latency=%d", latency)) latency = 0;
    if (!$value$plusargs("jitter=%d", jitter)) jitter = 0;
    if (!$value$plusargs("memory_stalls=%d", memory_stalls)) memory_stalls = 0;
    if (!$value$plusargs("pace=%d", pace)) pace = 1;
  end
  {design} dut({", ".join(ports)});
{textwrap.indent("".join(map(textwrap.dedent, body)), "  ")}
  always @(posedge clk) if (!rst) begin
    cycle <= cycle + 1;
    if ({" & ".join(done)}) $finish;
  end
endmodule
"""


class Simulation:
    """A design's files in `folder`, compiled for streams of these words."""

    def __init__(self, folder, design, inputs, outputs):
        self.folder, self.inputs, self.outputs = pathlib.Path(folder), inputs, outputs
        memories = find_memories(self.folder, design)
        (self.folder / "bench.v").write_text(bench(design, inputs, outputs, memories))
        (self.folder / "main.cpp").write_text(MAIN)
        done = subprocess.run(
            ["verilator", "--cc", "--exe", "--build", "-Wall", "-Wno-DECLFILENAME",
             "-Wno-UNUSED", "--x-initial", "unique", "--x-assign", "unique",
             "-DQNT_MEASURE", "--compiler", "clang", "-MAKEFLAGS", "CXX=clang++-22 LINK=clang++-22",
             "-Wno-BLKSEQ", "-Wno-WIDTH", "-Wno-UNSIGNED", "-Wno-CMPCONST", "--top-module",
             "bench", "--Mdir", "sim",
             "bench.v", f"{design}.v", "main.cpp"] + ["axi_memory.v"] * bool(memories),
            cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, words, stalls=0, seed=1, limit=1000000, **memory):
        """By stream names, lists of integers in; lists of (cycle, integer) out. `memory`:
        latency, jitter, memory_stalls and pace of axi_memory. `fifos` becomes {name: (depth, the
        words that it needed)}."""
        for name, _, count in self.inputs:
            assert len(words[name]) == count
            (self.folder / f"{name}.in").write_text(
                "".join(f"{word:x}\n" for word in words[name]))
        # What gives words to two streams waits for both.
        limit = limit * (16 * 16) // (16 - stalls) ** 2
        done = subprocess.run(["sim/Vbench", str(limit), f"+stalls={stalls}",
                               f"+verilator+seed+{seed}"]
                              + [f"+{name}={number}" for name, number in memory.items()],
                              cwd=self.folder,
                              capture_output=True, text=True)
        assert done.returncode == 0, f"nothing moves, or {done.stderr}"
        self.fifos = {name: (int(depth), int(most)) for name, depth, most in re.findall(
            r"^FIFO \S*\.fifo_(?:u_)?(\w+) (\d+) (\d+)$", done.stdout, re.M)}
        result = {}
        for name, _, _ in self.outputs:
            lines = (self.folder / f"{name}.out").read_text().split("\n")
            result[name] = [(int(cycle), int(word, 16)) for cycle, word in
                            (line.split() for line in lines if line)]
        return result
