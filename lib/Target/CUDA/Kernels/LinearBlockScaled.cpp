//===- LinearBlockScaled.cpp - products of blocks with scales -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

static constexpr int64_t kWordBytes = 4;

LinearEmitter::ScaleWords LinearEmitter::loadScaleWords(KernelBuilder &k,
                                                        const Context &context,
                                                        Value at) const {
  int64_t bytes = g.groupsPerChunk;
  ScaleWords words;
  Value row = k.locate(dot.scale->aMap, context.lane).first;
  Value column = k.locate(dot.scale->bMap, context.lane).second;
  Value firstRow =
      k.addC(k.mulC(k.add(context.warpRow, row), bytes), stage.rowScalesAt);
  Value firstColumn =
      k.addC(k.mulC(k.add(context.warpColumn, column), bytes), stage.scalesAt);
  for (int64_t m = 0; m < rowTiles; ++m)
    words.rows.push_back(
        k.loadWords(k.at(at, k.addC(firstRow, m * dot.m * bytes)), bytes));
  for (int64_t n = 0; n < columnTiles; ++n)
    words.columns.push_back(
        k.loadWords(k.at(at, k.addC(firstColumn, n * dot.n * bytes)), bytes));
  return words;
}

LinearEmitter::Values LinearEmitter::multiply(KernelBuilder &k, int64_t m,
                                              int64_t n, int64_t step,
                                              ValueRange a, ValueRange b,
                                              ValueRange sums) const {
  int64_t byte = step * (dot.k / dot.scale->group);
  int64_t word = byte / kWordBytes;
  return k.multiply(dot, a, b, sums, scaleWords.rows[m][word],
                    scaleWords.columns[n][word], byte % kWordBytes);
}
