//===- SharedRows.cpp - rows that share multipliers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SharedRows.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

SharedRowsCodec::SharedRowsCodec(SharedRows rows, int64_t count,
                                 ArrayRef<SmallVector<int64_t>> weights)
    : rows(rows), count(count), fields(weights), fieldBits(size_t(count)) {
  // A negative one borrows from the row above.
  for (size_t j = 1; j < fields.size(); ++j)
    for (auto [field, below] : llvm::zip_equal(fields[j], fields[j - 1]))
      field -= below < 0;
  for (auto [bits, row] : llvm::zip_equal(fieldBits, fields)) {
    auto [low, high] = std::minmax_element(row.begin(), row.end());
    bits = Interval{*low, *high}.getSignedBits();
    storedBits += bits;
  }
}

SmallVector<int64_t> SharedRowsCodec::store() const {
  SmallVector<int64_t> stored(fields.front().size(), 0);
  unsigned at = 0;
  for (auto [row, bits] : llvm::zip_equal(fields, fieldBits)) {
    for (auto [word, field] : llvm::zip_equal(stored, row))
      word |= int64_t(uint64_t(field) & llvm::maskTrailingOnes<uint64_t>(bits))
              << at;
    at += bits;
  }
  return stored;
}

Value SharedRowsCodec::makeFactors(ProcessBuilder &process,
                                   Value stored) const {
  unsigned at = 0;
  Value factor;
  for (auto [j, bits] : llvm::enumerate(fieldBits)) {
    unsigned place = unsigned(j) * rows.spacing;
    Value field = process.resize(process.shiftRight(stored, at, false), bits,
                                 /*isSigned=*/true);
    field = process.resize(field, std::min(rows.spacing, rows.bits - place),
                           /*isSigned=*/true);
    field = process.resize(field, rows.bits, /*isSigned=*/false);
    factor =
        factor ? process.join(process.shiftLeft(field, place), factor) : field;
    at += bits;
  }
  return factor;
}

Value SharedRowsCodec::split(ProcessBuilder &process, Value sums,
                             unsigned bits) const {
  int64_t factors = cast<VectorType>(sums.getType()).getNumElements();
  SmallVector<int64_t> all;
  Value rowSums;
  for (int64_t j = 0; j < count; ++j) {
    Value row = sums;
    if (j < count - 1) {
      row = process.resize(row, rows.spacing, /*isSigned=*/true);
      // What it borrowed goes back.
      Value isNegative =
          process.resize(process.shiftRight(row, rows.spacing - 1, false), 1,
                         /*isSigned=*/false);
      unsigned left =
          cast<VectorType>(sums.getType()).getElementTypeBitWidth() -
          rows.spacing;
      sums = process.resize(process.shiftRight(sums, rows.spacing, true), left,
                            /*isSigned=*/true);
      sums = process.add(sums,
                         process.resize(isNegative, left, /*isSigned=*/false));
    }
    row = process.resize(row, bits, /*isSigned=*/true);
    all.resize(size_t((j + 1) * factors));
    std::iota(all.begin(), all.end(), 0);
    rowSums = rowSums ? process.shuffle(rowSums, row, all) : row;
  }
  return rowSums;
}
