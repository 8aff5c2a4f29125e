//===- TableCodes.cpp - tables of sums and their codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TableCodes.h"
#include "../ProcessBuilder.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Of a reflected ternary Gray code, word `number`: a digit runs backwards
/// where the sum of those above it is odd.
static std::array<int64_t, DotOp::tableInputs> getGrayWord(int64_t number) {
  std::array<int64_t, DotOp::tableInputs> digits;
  int64_t sum = 0, place = 1;
  for (int64_t i = 1; i < DotOp::tableInputs; ++i)
    place *= 3;
  for (int64_t &digit : digits) {
    int64_t plain = number / place % 3;
    sum += digit = sum % 2 ? 2 - plain : plain;
    place /= 3;
  }
  for (int64_t &digit : digits)
    --digit;
  return digits;
}

SmallVector<TableStep> fpga::walkTable() {
  SmallVector<TableStep> walk;
  for (int64_t j = 0; j < DotOp::tableEntries; ++j) {
    TableStep step{0, false, getGrayWord(DotOp::tableEntries - 1 + j)};
    for (int64_t i = 0; j > 0 && i < DotOp::tableInputs; ++i)
      if (int64_t change = step.weights[i] - walk.back().weights[i]) {
        step.input = i;
        step.isLess = change < 0;
      }
    walk.push_back(step);
  }
  return walk;
}

unsigned fpga::getTableBits(IntegerType input) {
  Interval all{0, 0}, one = Interval::of(input);
  for (const TableStep &step : walkTable()) {
    Interval entry{0, 0};
    for (int64_t weight : step.weights)
      entry = *entry.plus({std::min(weight * one.low, weight * one.high),
                           std::max(weight * one.low, weight * one.high)});
    all = {std::min(all.low, entry.low), std::max(all.high, entry.high)};
  }
  return all.getSignedBits();
}

SmallVector<int64_t> fpga::encodeTables(DenseIntElementsAttr weights,
                                        int64_t pe, int64_t simd) {
  int64_t rows = weights.getType().getDimSize(0);
  int64_t inputs = weights.getType().getDimSize(1);
  int64_t tables = DotOp::countTables(simd);
  SmallVector<int64_t> numbers = getNumbers(weights), codes;
  SmallVector<TableStep> walk = walkTable();
  /// The entry of a row's table, and whether it is less.
  auto find = [&](int64_t row, int64_t first, int64_t table) {
    std::array<int64_t, DotOp::tableInputs> wanted, less;
    for (int64_t i = 0; i < DotOp::tableInputs; ++i) {
      int64_t input = table * DotOp::tableInputs + i;
      wanted[i] = input < simd ? numbers[row * inputs + first + input] : 0;
      less[i] = -wanted[i];
    }
    for (auto [entry, step] : llvm::enumerate(walk))
      for (bool isLess : {false, true})
        if (step.weights == (isLess ? less : wanted))
          return std::pair(int64_t(entry), isLess);
    llvm_unreachable("weights are -1, 0 and 1");
  };
  for (int64_t first = 0; first < inputs; first += simd)
    for (int64_t row = 0; row < rows; row += pe)
      for (int64_t table = 0; table < tables; ++table)
        for (int64_t r = row; r < row + pe; ++r) {
          auto [entry, isLess] = find(r, first, table);
          if (table > 0)
            isLess ^= find(r, first, table & (table - 1)).second;
          codes.push_back(entry | int64_t(isLess)
                                      << (DotOp::tableCodeBits - 1));
        }
  return codes;
}
