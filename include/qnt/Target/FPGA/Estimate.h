//===- Estimate.h - what a design takes -------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Counts of the Verilog's hardware as Yosys' synth_xilinx makes it for 7 series
// parts: DSPs and block RAM by its rules, LUTs by a linear model whose
// coefficients are fitted to it (test/Bench/fpga_resources.py).
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_ESTIMATE_H
#define QNT_TARGET_FPGA_ESTIMATE_H

#include "qnt/Dialect/QFlow/QFlow.h"

#include <array>
#include <string>
#include <vector>

namespace qnt::fpga {

struct Resources {
  int64_t dsps = 0, luts = 0;
  /// Of 18 Kib, two for a block RAM of 36.
  int64_t halfBlocks = 0;

  double getBlockRAMs() const { return double(halfBlocks) / 2; }
  Resources &operator+=(const Resources &other);
};

/// What LUTs are made for, each counted in its unit.
enum class Logic : unsigned {
  Processes,     // 1 for each
  Streams,       // reads and writes
  Indices,       // bits of loops' counters
  States,        // bits
  Adders,        // bits
  AddersInDSPs,  // bits added to a product of one DSP
  SharedAdders,  // bits of sums by themselves, of a matrix of constants
  Comparisons,   // bits that are less or more, or the larger or smaller of two
  Equalities,    // bits
  Selections,    // bits
  Masks,         // bits that are selected or a constant
  Gates,         // bits
  ControlAdders, // bits of numbers that are no lanes: counters, addresses
  ControlComparisons, // bits of such
  ControlSelections,  // bits of such
  Shifts,             // bits by steps of a number of places that is not known
  Products,           // bits of multiples that products in LUTs add
  Parts,              // bits added of products that several DSPs make
  Constants,          // LUTs with contents
  Memories,           // LUTs that are written
  Delays,             // bits of shift registers
};
constexpr size_t numLogic = size_t(Logic::Delays) + 1;
llvm::StringRef getName(Logic logic);
using LogicCounts = std::array<double, numLogic>;

/// A process or a FIFO.
struct Stage {
  /// That of its module, without the design's, or of the stream's reader.
  std::string name;
  /// "dot", "fifo"; "fetch" of a port to memory, "memory" of what it reads
  /// from.
  std::string kind;
  /// For a frame, and stages of the pipeline; 0 of a FIFO.
  int64_t cycles = 0, latency = 0;
  /// Bits of a frame.
  int64_t bitsIn = 0, bitsOut = 0;
  /// Of a FIFO.
  int64_t depth = 0, wordBits = 0;
  Resources resources;
  LogicCounts logic = {};
};

struct Estimate {
  std::vector<Stage> stages;
  Resources total;

  /// One more stage, "memory": the cycles, of `clock` MHz, in which it gives
  /// what all ports read for a frame, of so many bytes a second.
  void addMemory(double bandwidth, double clock);

  /// The first of those that take most cycles; a FIFO, where there are no
  /// others.
  const Stage &getBottleneck() const;
  /// Of a frame, at least 1.
  int64_t getCycles() const {
    return std::max<int64_t>(1, getBottleneck().cycles);
  }
};

/// Of a design of processes and FIFOs, those between processes included.
/// Emits an error at what no pipeline has.
mlir::FailureOr<Estimate> estimate(qflow::DesignOp design);

/// Of a FIFO of `depth` words.
Resources estimateFifo(int64_t wordBits, int64_t depth);

/// Of a process alone; `clock` in MHz.
mlir::FailureOr<Stage> estimate(qflow::ProcessOp process, double clock);

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_ESTIMATE_H
