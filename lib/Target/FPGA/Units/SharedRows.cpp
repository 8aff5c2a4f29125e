//===- SharedRows.cpp - rows that share multipliers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SharedRows.h"

#include "llvm/Support/MathExtras.h"

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
    unsigned apart = rows.vectors * rows.spacing, place = unsigned(j) * apart;
    // Of rows of zeros on top the factor has no bits but copies of its sign.
    if (place >= rows.bits)
      break;
    Value field = process.resize(process.shiftRight(stored, at, false), bits,
                                 /*isSigned=*/true);
    field = process.resize(field, std::min(apart, rows.bits - place),
                           /*isSigned=*/true);
    field = process.resize(field, rows.bits, /*isSigned=*/false);
    factor =
        factor ? process.join(process.shiftLeft(field, place), factor) : field;
    at += bits;
  }
  return factor;
}

Value SharedRowsCodec::joinCodes(ProcessBuilder &process, Value first,
                                 Value second, bool isSigned) const {
  unsigned bits = rows.inputBits - !isSigned;
  first = process.resize(first, bits, isSigned);
  second =
      process.shiftLeft(process.resize(second, bits, isSigned), rows.spacing);
  return isSigned ? process.add(second, first) : process.join(second, first);
}

SmallVector<Value> SharedRowsCodec::part(ProcessBuilder &process,
                                         Value sums) const {
  SmallVector<Value> parts;
  for (unsigned left = getSumBits(); parts.size() + 1 < countParts();) {
    Value row = process.resize(sums, rows.spacing, /*isSigned=*/true);
    parts.push_back(row);
    // What it borrowed goes back.
    Value isNegative =
        process.resize(process.shiftRight(row, rows.spacing - 1, false), 1,
                       /*isSigned=*/false);
    left -= rows.spacing;
    sums = process.resize(process.shiftRight(sums, rows.spacing, true), left,
                          /*isSigned=*/true);
    sums =
        process.add(sums, process.resize(isNegative, left, /*isSigned=*/false));
  }
  parts.push_back(sums);
  return parts;
}
