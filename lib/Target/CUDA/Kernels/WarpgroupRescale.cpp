//===- WarpgroupRescale.cpp - the rescale of wgmma's sums -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "WarpgroupEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

/// Adds the scaled sums of products of group `group` of the chunk.
void WarpgroupEmitter::rescale(KernelBuilder &k, const Context &context,
                               Value at, Value c, int64_t group,
                               const Values &sums, Values &numbers) const {
  Value inRow = getGroup(k, c, group);
  std::array<Factor, 2> factors;
  for (auto [i, factor] : llvm::enumerate(factors))
    factor = loadGroupFactor(
        k, context, at, c, group,
        k.addC(context.feature, int64_t(i) * FragmentGeometry::tileColumns));
  Value row = k.add(context.firstRow, k.mulC(k.remC(context.lane, 4), 2));
  for (int64_t j = 0; j < getSize() / 4; ++j)
    for (int64_t i = 0; i < 2; ++i) {
      Value rowSum = loadRowSum(k, context.args, k.addC(row, 8 * j + i), inRow);
      for (int64_t f = 0; f < 2; ++f) {
        int64_t e = 4 * j + 2 * f + i;
        numbers[e] = scale(k, factors[f], sums[e], rowSum, numbers[e]);
      }
    }
}

/// A lane holds two rows of one feature, in steps of 8 of either; two lanes
/// exchange numbers, so that each has two neighbouring features of one row.
void WarpgroupEmitter::finishTile(KernelBuilder &k, const Context &context,
                                  ValueRange state) const {
  Value isOdd = k.eq(k.remC(context.eighth, 2), k.c32(1));
  Value odd = k.zext(isOdd, k.i32());
  Values rows, columns;
  Value row =
      k.add(k.add(context.firstRow, odd), k.mulC(k.remC(context.lane, 4), 2));
  for (int64_t j = 0; j < getSize() / 4; ++j)
    rows.push_back(k.addC(row, 8 * j));
  Value column = k.add(k.add(context.firstColumn, context.feature),
                       k.mulC(context.warpgroup, g.columns));
  column = k.sub(column, odd);
  for (int64_t f = 0; f < 2; ++f)
    columns.push_back(k.addC(column, f * FragmentGeometry::tileColumns));
  finish(k, context.args, rows, columns, features % tile.blockN != 0,
         [&](size_t j, size_t f) {
           Value first = state[4 * j + 2 * f],
                 second = state[4 * j + 2 * f + 1];
           return exchange(k, isOdd, first, second, /*mask=*/4);
         });
}
