//===- ProductTest.h - how fast this machine multiplies ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_PRODUCTTEST_H
#define QNT_TOOLS_QUANTRUN_PRODUCTTEST_H

#include <cstdint>
#include <string_view>

namespace qnt::run {

/// Multiplies numbers that stay in registers with the instructions that kernels
/// of one instruction set (`amx`, `avx512vnni`, `avxvnni`, `avx2`) use: what
/// products of matrices could reach.
class ProductTest {
public:
  ProductTest(std::string_view isa, int64_t threads);
  /// Operations (two of a multiply-accumulate) per second, over at least 10 ms;
  /// 0 of an instruction set without a test.
  double runInt8();
  double runFloat();

private:
  using Loop = uint64_t (*)(int64_t rounds);
  double run(Loop loop, int64_t operations);

  int64_t threads, rounds = 100000;
  Loop int8 = nullptr, floats = nullptr;
  /// Operations of a round of each.
  int64_t int8Operations = 0, floatOperations = 0;
  /// What was computed, kept so that the products cannot be left out.
  uint64_t sum = 0;
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_PRODUCTTEST_H
