//===- Memories.h - what memories and FIFOs are made of ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_MEMORIES_H
#define QNT_LIB_TARGET_FPGA_MEMORIES_H

#include "qnt/Dialect/QFlow/QFlow.h"

namespace qnt::fpga {

/// LUTs for what is at most this deep or takes few of them, block RAM for the
/// rest. What is written has no more words than a LUT.
qflow::MemoryStyle chooseMemoryStyle(int64_t depth, int64_t wordBits,
                                     bool isWritten);

/// The bits of each of the columns that a memory in block RAM has, each of
/// which one block of a 7 series part holds (UG473): as wide as 36 Kib are at
/// this depth, the last one what is left. Deeper than 32768 words one block
/// does not hold a bit: a column of 1 bit then takes several.
llvm::SmallVector<int64_t> getBlockColumns(int64_t depth, int64_t wordBits);

/// Blocks of 18 Kib that the columns take, two for one of 36.
int64_t countHalfBlocks(int64_t depth, int64_t wordBits);
/// The same of a memory in block RAM; bits that all words of its contents have
/// alike are in no block.
int64_t countHalfBlocks(qflow::MemoryOp memory);

/// LUTs of a memory that is written, as RAM32M and RAM64M have them (UG474):
/// four for 6 or 3 bits of one reader, or 2 bits or 1 of three.
int64_t countRAMLuts(int64_t depth, int64_t wordBits, int64_t readers = 1);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_MEMORIES_H
