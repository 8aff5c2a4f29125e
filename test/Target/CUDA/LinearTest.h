//===- LinearTest.h - linear layers in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_TARGET_CUDA_LINEARTEST_H
#define QNT_TEST_TARGET_CUDA_LINEARTEST_H

#include "KernelTest.h"

#include "qnt/Interpreter/Values.h"

namespace qnt::test {

/// A layer to try, as types are written: "int4, group<128>, scale f16".
struct LinearCase {
  int64_t rows, features, inputs;
  std::string weight;
  /// "f16" for floats that are no codes.
  std::string input = "int8, per_row, scale f32";
  /// Steps of the epilogue, as they are written.
  std::string epilogue = "";
  /// Whether all scales are 1, so that results are integers, to be equal.
  bool isExact = false;
  /// Whether one activation is a NaN.
  bool hasNaN = false;
  /// Rows that the tile is chosen for; 0 for those there are.
  int64_t tileRows = 0;
  /// Blocks that share a tile; 0 for as many as the tile has.
  int64_t splits = 0;
  /// For chips with wgmma or tcgen05: the warpgroups of a block; 0 for warps of
  /// mma.sync.
  int64_t warpgroups = 0;
  std::string chip = "sm_80";

  std::string getName() const;
};

/// Runs the case in the interpreter and in the emulator. Empty, or how they
/// differ.
std::string runLinear(mlir::MLIRContext &context, const LinearCase &test,
                      std::mt19937_64 &random);

} // namespace qnt::test

#endif // QNT_TEST_TARGET_CUDA_LINEARTEST_H
