//===- VerilogModules.cpp - modules that designs are made of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "VerilogModules.h"

#include "Memories.h"
#include "VerilogOps.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"

using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;
using llvm::formatv;

static constexpr const char *fifoText = R"(
// Words in the order in which they came, up to DEPTH at once.
module qnt_fifo #(parameter WIDTH = 8, parameter DEPTH = 2, parameter BITS = 1) (
  input clk,
  input rst,
  input [WIDTH-1:0] in_data,
  input in_valid,
  output in_ready,
  output [WIDTH-1:0] out_data,
  output out_valid,
  input out_ready
);
  (* ram_style = "distributed" *) reg [WIDTH-1:0] words [0:DEPTH-1];
  reg [BITS-1:0] first;
  reg [BITS-1:0] free;
  reg [BITS:0] count;
  wire enters = in_valid & in_ready;
  wire leaves = out_valid & out_ready;
  assign out_valid = count != 0;
  assign out_data = words[first];
  always @(posedge clk) begin
    if (enters) words[free] <= in_data;
    if (rst) begin
      first <= 0;
      free <= 0;
      count <= 0;
    end else begin
      if (enters) free <= (free == DEPTH - 1) ? 0 : free + 1;
      if (leaves) first <= (first == DEPTH - 1) ? 0 : first + 1;
      count <= count + {{BITS{1'b0}}, enters} - {{BITS{1'b0}}, leaves};
    end
  end
)";

static constexpr const char *blockFifoText = R"(
// Words in the order in which they came, up to DEPTH in block RAM, in columns of COLUMN
// bits, and one behind it that goes out next.
module qnt_block_fifo #(parameter WIDTH = 8, parameter DEPTH = 512, parameter BITS = 9,
                        parameter COLUMN = 36) (
  input clk,
  input rst,
  input [WIDTH-1:0] in_data,
  input in_valid,
  output in_ready,
  output [WIDTH-1:0] out_data,
  output reg out_valid,
  input out_ready
);
  localparam COLUMNS = (WIDTH + COLUMN - 1) / COLUMN;
  reg [BITS-1:0] first;
  reg [BITS-1:0] free;
  reg [BITS:0] count;
  wire enters = in_valid & in_ready;
  wire moves = (count != 0) & (~out_valid | out_ready);
  genvar i;
  generate
    for (i = 0; i < COLUMNS; i = i + 1) begin : columns
      localparam LOW = i * COLUMN;
      localparam HIGH = (LOW + COLUMN > WIDTH) ? WIDTH - 1 : LOW + COLUMN - 1;
      (* ram_style = "block" *) reg [HIGH-LOW:0] words [0:DEPTH-1];
      reg [HIGH-LOW:0] word;
      assign out_data[HIGH:LOW] = word;
      always @(posedge clk) begin
        if (enters) words[free] <= in_data[HIGH:LOW];
        if (moves) word <= words[first];
      end
    end
  endgenerate
  always @(posedge clk)
    if (rst) begin
      first <= 0;
      free <= 0;
      count <= 0;
      out_valid <= 0;
    end else begin
      if (enters) free <= (free == DEPTH - 1) ? 0 : free + 1;
      if (moves) first <= (first == DEPTH - 1) ? 0 : first + 1;
      count <= count + {{BITS{1'b0}}, enters} - {{BITS{1'b0}}, moves};
      if (moves | out_ready) out_valid <= moves;
    end
)";

/// The end of both.
static constexpr const char *fifoEndText = R"(`ifdef QNT_MEASURE
  // Of 16 cycles, takes nothing in +stalls=N, at random.
  integer stalls;
  reg takes = 1;
  assign in_ready = count != DEPTH & takes;
  initial if ($value$plusargs("stalls=%d", stalls) == 0) stalls = 0;
  always @(posedge clk) if (stalls != 0) takes <= $urandom % 16 >= stalls;
  // The words with which it would never have been full.
  integer most = 0;
  always @(posedge clk) if (!rst & count + enters > most) most <= count + enters;
  final $display("FIFO %m %0d %0d", DEPTH, most);
`else
  assign in_ready = count != DEPTH;
`endif
endmodule
)";

static constexpr const char *productText = R"(
// a * b in LUTs, by digits of b in -2 ... 2, two bits each: a LUT for each bit of a and digit
// chooses the multiple and adds it.
(* use_dsp = "no" *)
module qnt_product #(parameter A = 8, parameter A_SIGNED = 0, parameter B = 8,
                     parameter B_SIGNED = 1, parameter Y = 16) (
  input [A-1:0] a,
  input [B-1:0] b,
  output [Y-1:0] y
);
  localparam DIGITS = (B + 2 - B_SIGNED) / 2;
  wire a_sign = (A_SIGNED != 0) & a[A-1];
  wire b_sign = (B_SIGNED != 0) & b[B-1];
  wire [A+1:0] once = {{2{a_sign}}, a};
  wire [A+1:0] twice = {a_sign, a, 1'b0};
  wire [2*DIGITS:0] bits = {{2*DIGITS-B+1{b_sign}}, b, 1'b0};
  wire [2*DIGITS+A+1:0] product;
  genvar i;
  generate
    for (i = 0; i < DIGITS; i = i + 1) begin : digits
      wire [2:0] digit = bits[2*i +: 3];
      wire is_zero = digit == 3'b000 | digit == 3'b111;
      wire is_twice = digit == 3'b011 | digit == 3'b100;
      wire [A+1:0] multiple = is_zero ? {A+2{1'b0}} : is_twice ? twice : once;
      wire [A+1:0] higher;
      if (i == 0) assign higher = 0;
      else assign higher = {{2{digits[i-1].sum[A+2]}}, digits[i-1].sum[A+2:3]};
      wire [A+2:0] sum = {higher, 1'b1} + {multiple ^ {A+2{digit[2]}}, digit[2]};
      assign product[2*i +: 2] = sum[2:1];
    end
  endgenerate
  assign product[2*DIGITS +: A+2] = {{2{digits[DIGITS-1].sum[A+2]}}, digits[DIGITS-1].sum[A+2:3]};
  assign y = $signed(product);
endmodule
)";

static constexpr const char *fetchText = R"(
// The words of a frame from an AXI4 memory, in bursts of BURST words or, the last one, REST,
// over and over: as long as there is room for AHEAD words. Bursts begin at multiples of their
// size, at most 4 KiB, so that none crosses them.
module qnt_fetch #(parameter PORT = 64, parameter WIDTH = 64, parameter BURSTS = 1,
                   parameter BURST = 64, parameter REST = 64, parameter AHEAD = 512,
                   parameter BITS = 1, parameter ROOM_BITS = 10) (
  input clk,
  input rst,
  input [63:0] base,
  output reg [63:0] araddr,
  output reg [7:0] arlen,
  output [2:0] arsize,
  output [1:0] arburst,
  output reg arvalid,
  input arready,
  input [PORT-1:0] rdata,
  input [1:0] rresp,
  input rlast,
  input rvalid,
  output rready,
  output reg error,
  output [WIDTH-1:0] out_data,
  output out_valid,
  input out_ready,
  input leaves
);
  localparam BYTES = BURST * PORT / 8;
  // The next burst, and the words that none was asked for.
  reg [BITS-1:0] burst;
  reg [ROOM_BITS-1:0] room;
  wire is_last = burst == BURSTS - 1;
  wire asks = (~arvalid | arready) & room >= BURST;
  wire [ROOM_BITS-1:0] beats = is_last ? REST : BURST;
  wire [63:0] offset = burst * BYTES;
  assign arsize = $clog2(PORT / 8);
  assign arburst = 2'b01;
  assign out_data = rdata[WIDTH-1:0];
  assign out_valid = rvalid;
  assign rready = out_ready;
  always @(posedge clk)
    if (rst) begin
      burst <= 0;
      room <= AHEAD;
      arvalid <= 0;
      error <= 0;
    end else begin
      if (~arvalid | arready) begin
        arvalid <= asks;
        araddr <= {base[63:12], 12'b0} + offset;
        arlen <= (is_last ? REST : BURST) - 1;
      end
      if (asks) burst <= is_last ? 0 : burst + 1;
      room <= room - (asks ? beats : {ROOM_BITS{1'b0}}) + {{ROOM_BITS-1{1'b0}}, leaves};
      if (rvalid & rready & rresp[1]) error <= 1;
    end
endmodule
)";

namespace {
/// A signal of an AXI4 read port.
struct Signal {
  const char *name;
  bool isInput;
  /// 0: as the port.
  int64_t bits;
};
} // namespace

static constexpr Signal memorySignals[] = {
    {"base", true, 64},   {"araddr", false, 64}, {"arlen", false, 8},
    {"arsize", false, 3}, {"arburst", false, 2}, {"arvalid", false, 1},
    {"arready", true, 1}, {"rdata", true, 0},    {"rresp", true, 2},
    {"rlast", true, 1},   {"rvalid", true, 1},   {"rready", false, 1},
    {"error", false, 1},
};

std::string fpga::declareMemoryPort(const std::string &name, int64_t bits) {
  std::string text;
  for (const Signal &signal : memorySignals)
    text += formatv("{0}  {1} {2}{3}_{4}", text.empty() ? "" : ",\n",
                    signal.isInput ? "input" : "output",
                    declareRange(signal.bits ? signal.bits : bits), name,
                    signal.name);
  return text;
}

std::string fpga::bindMemoryPort(const std::string &name) {
  std::string text;
  for (const Signal &signal : memorySignals)
    text += formatv(",\n    .{0}({1}_{0})", signal.name, name);
  return text;
}

std::string fpga::nameFetch(FetchOp fetch) {
  StreamType type = fetch.getResult().getType();
  int64_t words = type.getWords(), burst = int64_t(fetch.getBurst()),
          ahead = int64_t(fetch.getAhead());
  int64_t bursts = llvm::divideCeil(words, burst);
  return formatv(
      "qnt_fetch #(.PORT({0}), .WIDTH({1}), .BURSTS({2}), .BURST({3}), "
      ".REST({4}), .AHEAD({5}), .BITS({6}), .ROOM_BITS({7}))",
      fetch.getPort(), type.getWordBits(), bursts, burst,
      words - (bursts - 1) * burst, ahead, ProcessOp::getIndexBits(bursts),
      ProcessOp::getIndexBits(ahead + 1));
}

std::string fpga::nameFifo(int64_t depth, int64_t wordBits) {
  std::string sizes = formatv(".WIDTH({0}), .DEPTH({1}), .BITS({2})", wordBits,
                              depth, ProcessOp::getIndexBits(depth));
  if (chooseMemoryStyle(depth, wordBits, /*isWritten=*/true) ==
      MemoryStyle::Distributed)
    return "qnt_fifo #(" + sizes + ")";
  return formatv("qnt_block_fifo #({0}, .COLUMN({1}))", sizes,
                 getBlockColumns(depth, wordBits).front());
}

std::string fpga::nameProduct(const ProductShape &shape) {
  return formatv("qnt_product #(.A({0}), .A_SIGNED({1}), .B({2}), "
                 ".B_SIGNED({3}), .Y({4}))",
                 shape.a.getBits(), int(shape.a.isSigned), shape.b.getBits(),
                 int(shape.b.isSigned), shape.bits);
}

std::string fpga::writeModules(const std::string &design) {
  std::string text;
  for (auto [name, module, end] :
       {std::tuple("qnt_fifo #", fifoText, fifoEndText),
        std::tuple("qnt_block_fifo #", blockFifoText, fifoEndText),
        std::tuple("qnt_product #", productText, ""),
        std::tuple("qnt_fetch #", fetchText, "")})
    if (llvm::StringRef(design).contains(name))
      text += std::string(module) + end;
  return text;
}
