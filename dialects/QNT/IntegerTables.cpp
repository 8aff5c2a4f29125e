//===- IntegerTables.cpp - functions as tables of integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/IntegerTables.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cmath>

using namespace qnt;

static llvm::SmallVector<int64_t>
tabulate(int64_t count, llvm::function_ref<double(double)> function) {
  llvm::SmallVector<int64_t> table;
  for (int64_t i = 0; i < count; ++i)
    table.push_back(std::llround(function(double(i))));
  return table;
}

llvm::SmallVector<int64_t> qnt::getInverseRootTable() {
  return tabulate(
      768, [](double i) { return std::ldexp(1, 19) / std::sqrt(i + 256.5); });
}

llvm::SmallVector<int64_t> qnt::getExponentialTable() {
  auto table =
      tabulate(512, [](double z) { return 255 * std::exp2(-9 * z / 512); });
  table.back() = 0;
  return table;
}

llvm::SmallVector<int64_t> qnt::getReciprocalTable() {
  return tabulate(512,
                  [](double i) { return std::ldexp(1, 24) / (i + 512.5); });
}
