//===- MemoryPorts.h - what designs read from memory ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_MEMORYPORTS_H
#define QNT_TARGET_FPGA_MEMORYPORTS_H

#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Target/FPGA/Files.h"

#include <vector>

namespace qnt::fpga {

/// An AXI4 port that a qflow.fetch reads by.
struct MemoryPort {
  std::string name;
  /// Of a word of the port, and those of it that the design takes.
  int64_t bits = 0, usedBits = 0;
  /// Of a frame.
  int64_t words = 0;
  /// Where its words begin in the image of all ports, a multiple of 4096.
  int64_t offset = 0;

  int64_t getBytes() const { return words * bits / 8; }
};

/// In the design's order.
std::vector<MemoryPort> getMemoryPorts(qflow::DesignOp design);

/// The words of all ports at their offsets, zeros between.
std::string writeMemoryImage(qflow::DesignOp design);

/// Where the memory's bandwidth is not known, warns of what frames of so many
/// cycles take, and of what all ports have, which the cycles assume.
void warnOfBandwidth(qflow::DesignOp design, int64_t cycles);

/// NAME.hex of each port, a word a line in hexadecimal digits.
Files writeMemoryWords(qflow::DesignOp design);

/// Module axi_memory, for simulation: a memory behind an AXI4 read port (IHI
/// 0022, A3), which ends the simulation at what the protocol forbids: bursts
/// across 4 KiB, requests that change before they are taken, addresses beyond
/// the memory. Bursts are answered in order.
///
/// Parameters PORT, WORDS, FILE (of words, NAME.hex) and BASE, the address of
/// the first. Inputs latency: cycles from a request to its first word; jitter:
/// up to so many more, at random; stalls: of 16 cycles those in which requests
/// wait, and so many in which words do; pace: cycles of a word at the least.
extern const char *const axiMemoryText;

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_MEMORYPORTS_H
