//===- MemoryPorts.cpp - what designs read from memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/FPGA/MemoryPorts.h"

#include "DesignStreams.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

static constexpr int64_t alignment = 4096;

std::vector<MemoryPort> fpga::getMemoryPorts(DesignOp design) {
  std::vector<MemoryPort> ports;
  int64_t offset = 0;
  for (auto fetch : design.getBody().front().getOps<FetchOp>()) {
    StreamType type = fetch.getResult().getType();
    ports.push_back({fetch.getName().str(), int64_t(fetch.getPort()),
                     type.getWordBits(), type.getWords(), offset});
    offset += int64_t(llvm::alignTo(uint64_t(fetch.getBytes()), alignment));
  }
  return ports;
}

std::string fpga::writeMemoryImage(DesignOp design) {
  std::string image;
  for (auto fetch : design.getBody().front().getOps<FetchOp>()) {
    image.resize(llvm::alignTo(image.size(), alignment));
    image += fetch.getImage();
  }
  return image;
}

void fpga::warnOfBandwidth(DesignOp design, int64_t cycles) {
  std::vector<MemoryPort> ports = getMemoryPorts(design);
  if (ports.empty())
    return;
  int64_t bytes = 0, most = 0;
  for (const MemoryPort &port : ports) {
    bytes += port.getBytes();
    most += port.bits / 8;
  }
  // GB/s of what comes each cycle.
  const double unit = getClock(design) * 1e6 / 1e9;
  design.emitWarning()
      << llvm::formatv(
             "reads weights at {0:f2} GB/s, and is as fast as reported only if "
             "the memory has {1:f2} GB/s, a word of each port ({2}) every "
             "cycle; expected bandwidth=, such as bandwidth=4.2GB/s",
             double(bytes) / double(cycles) * unit, double(most) * unit,
             ports.size())
             .str();
}

Files fpga::writeMemoryWords(DesignOp design) {
  Files files;
  for (auto fetch : design.getBody().front().getOps<FetchOp>()) {
    std::string bytes = fetch.getImage();
    size_t size = fetch.getPort() / 8;
    std::string &text = files[fetch.getName().str() + ".hex"];
    text.reserve(2 * bytes.size() + bytes.size() / size);
    for (size_t word = 0; word < bytes.size(); word += size) {
      for (size_t at = size; at-- > 0;)
        for (unsigned digit :
             {uint8_t(bytes[word + at]) >> 4, uint8_t(bytes[word + at]) & 15})
          text += llvm::hexdigit(digit, /*LowerCase=*/true);
      text += "\n";
    }
  }
  return files;
}

const char *const fpga::axiMemoryText =
    R"(// For simulation: a memory behind an AXI4 read port. It ends the simulation at
// what the protocol forbids.
module axi_memory #(parameter PORT = 64, parameter WORDS = 1, parameter FILE = "",
                    parameter [63:0] BASE = 0) (
  input clk,
  input rst,
  input integer latency,
  input integer jitter,
  input integer stalls,
  input integer pace,
  input [63:0] araddr,
  input [7:0] arlen,
  input [2:0] arsize,
  input [1:0] arburst,
  input arvalid,
  output reg arready,
  output [PORT-1:0] rdata,
  output [1:0] rresp,
  output rlast,
  output reg rvalid,
  input rready
);
  localparam BYTES = PORT / 8;
  reg [PORT-1:0] words [0:WORDS-1];
  initial $readmemh(FILE, words);
  // Bursts that wait for their words: where they begin, how long, from when on.
  reg [63:0] address [0:255];
  reg [7:0] length [0:255];
  integer from [0:255];
  reg [7:0] first = 0;
  reg [7:0] free = 0;
  reg [7:0] beat = 0;
  integer cycle = 0;
  integer next = 0;
  reg waited = 0;
  reg [63:0] was_address;
  reg [7:0] was_length;
  wire [63:0] at = (address[first] - BASE) / BYTES + {56'd0, beat};
  assign rdata = rvalid ? words[at[31:0]] : {PORT{1'bx}};
  assign rlast = beat == length[first];
  assign rresp = 2'b00;
  wire [63:0] last = araddr + ({56'd0, arlen} + 64'd1) * BYTES - 64'd1;
  wire takes = rvalid & rready;
  wire ends = takes & rlast;
  wire [7:0] begins = ends ? first + 8'd1 : first;
  wire is_there = begins != free && cycle >= from[begins] && cycle >= next;
  always @(posedge clk) if (rst) begin
    arready <= 0;
    rvalid <= 0;
  end else begin
    cycle <= cycle + 1;
    if (waited & (~arvalid | araddr != was_address | arlen != was_length)) begin
      $display("%m: a request changes before it is taken");
      $fatal;
    end
    waited <= arvalid & ~arready;
    was_address <= araddr;
    was_length <= arlen;
    if (arvalid) begin
      if (arburst != 2'b01 || (1 << arsize) != BYTES || araddr % BYTES != 0) begin
        $display("%m: expected bursts of whole words that follow each other");
        $fatal;
      end
      if (araddr[63:12] != last[63:12]) begin
        $display("%m: the burst from %h of %0d words crosses 4 KiB", araddr, arlen + 1);
        $fatal;
      end
      if (araddr < BASE || last >= BASE + WORDS * BYTES) begin
        $display("%m: reads %h to %h, which is beyond the memory", araddr, last);
        $fatal;
      end
    end
    arready <= ($urandom % 16 >= stalls) && (free - first < 8'd200);
    if (arvalid & arready) begin
      address[free] <= araddr;
      length[free] <= arlen;
      from[free] <= cycle + latency + (jitter > 0 ? $urandom % (jitter + 1) : 0);
      free <= free + 1;
    end
    if (takes) beat <= rlast ? 8'd0 : beat + 8'd1;
    if (ends) first <= first + 8'd1;
    // Once offered, a word stays.
    if (!rvalid | rready) begin
      rvalid <= is_there && ($urandom % 16 >= stalls);
      if (is_there) next <= cycle + pace;
    end
  end
endmodule
)";
