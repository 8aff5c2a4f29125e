//===- VerilogModules.cpp - modules that designs are made of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "VerilogModules.h"

#include "Memories.h"

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
  assign in_ready = count != DEPTH;
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
  assign in_ready = count != DEPTH;
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
  // The words with which it would never have been full.
  integer most = 0;
  always @(posedge clk) if (!rst & count + enters > most) most <= count + enters;
  final $display("FIFO %m %0d %0d", DEPTH, most);
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
        std::tuple("qnt_product #", productText, "")})
    if (llvm::StringRef(design).contains(name))
      text += std::string(module) + end;
  return text;
}
