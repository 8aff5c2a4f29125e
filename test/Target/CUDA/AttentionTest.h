//===- AttentionTest.h - attention in the emulator -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_TARGET_CUDA_ATTENTIONTEST_H
#define QNT_TEST_TARGET_CUDA_ATTENTIONTEST_H

#include "KernelTest.h"

namespace qnt::test {

/// An attention to try.
struct AttentionCase {
  int64_t heads, kvHeads, headDim;
  /// Tokens of each call; those after the first go on where it ended. One call
  /// without a cache.
  std::vector<int64_t> calls;
  int64_t batch = 1;
  /// Of the cache's elements; empty for attention without one.
  std::string element = "f16";
  /// Without a cache.
  bool hasLengths = false, causal = false;
  int64_t window = 0;
  int64_t splits = 1;
  enum Kind { Rows, Columns, Tiles } kind = Rows;

  std::string getName() const;
};

/// Runs the case in the interpreter and in the emulator. Empty, or how they
/// differ.
std::string runAttention(mlir::MLIRContext &context, const AttentionCase &test,
                         std::mt19937_64 &random);

} // namespace qnt::test

#endif // QNT_TEST_TARGET_CUDA_ATTENTIONTEST_H
