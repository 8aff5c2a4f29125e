//===- LinearRescale.cpp - the rescale of products by warps -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

/// Row i of the lane: two of each tile.
Value LinearEmitter::getRow(KernelBuilder &k, const Context &context,
                            int64_t i) const {
  Value row = k.add(k.add(context.firstRow, context.warpRow), context.row);
  return k.addC(row, i / 2 * dot.m + i % 2 * 8);
}

/// What to take off decoded codes of float products, for each tile of columns;
/// `zeroOf` gives where the zero point of a column of the warp lies.
LinearEmitter::Values LinearEmitter::loadOffsets(
    KernelBuilder &k, const Context &context,
    llvm::function_ref<Value(Value column)> zeroOf) const {
  Values offsets;
  for (int64_t n = 0; n < columnTiles; ++n) {
    Value zero;
    // The column whose codes the lane holds.
    if (g.zeroBytes)
      zero =
          k.load(k.i8(), zeroOf(k.addC(k.divC(context.lane, 4), n * dot.n)), 1);
    offsets.push_back(decoder.getHalfOffset(k, zero));
  }
  return offsets;
}

/// Of a weight with one zero point a row.
LinearEmitter::Values
LinearEmitter::loadRowOffsets(KernelBuilder &k, const Context &context) const {
  Value first = k.add(context.firstColumn, context.warpColumn);
  return loadOffsets(k, context, [&](Value column) {
    return locateColumn(k, context.args, k.add(first, column), features - 1)
        .at(k, g.zerosAt, 1);
  });
}

/// Of group `group` of the chunk in the stage at `at`.
LinearEmitter::Values LinearEmitter::loadGroupOffsets(KernelBuilder &k,
                                                      const Context &context,
                                                      Value at,
                                                      int64_t group) const {
  return loadOffsets(k, context, [&](Value column) {
    return k.at(at, k.addC(k.add(context.warpColumn, column),
                           stage.zerosAt + group * stage.zeroBytes));
  });
}

/// Adds the scaled sums of products of group `group` of the chunk.
void LinearEmitter::rescale(KernelBuilder &k, const Context &context, Value at,
                            Value c, int64_t group, ArrayRef<Value> sums,
                            Values &numbers) const {
  int64_t scaleBytes = stage.scaleBytes / tile.blockN;
  int64_t zeroBytes = stage.zeroBytes / tile.blockN;
  Value inRow = k.addC(k.mulC(c, g.groupsPerChunk), group);
  Values rowSums;
  for (int64_t i = 0; i < 2 * rowTiles; ++i)
    rowSums.push_back(
        loadRowSum(k, context.args, getRow(k, context, i), inRow));
  for (int64_t n = 0; n < columnTiles; ++n) {
    Value column = k.addC(k.add(context.warpColumn, context.column), n * dot.n);
    auto pointer = [&](int64_t first, int64_t lineBytes, int64_t bytes) {
      return k.at(at, k.addC(k.mulC(column, bytes), first + group * lineBytes));
    };
    std::array<Factor, 2> factors =
        loadFactors(k, pointer(stage.scalesAt, stage.scaleBytes, scaleBytes),
                    pointer(stage.zerosAt, stage.zeroBytes, zeroBytes));
    for (int64_t m = 0; m < rowTiles; ++m)
      for (int64_t i = 0; i < 4; ++i) {
        Value &number = numbers[getIndex(m, n) + i];
        number = scale(k, factors[i % 2], sums[getIndex(m, n) + i],
                       rowSums[2 * m + i / 2], number);
      }
  }
}

void LinearEmitter::finishTile(KernelBuilder &k, const Context &context,
                               ValueRange state) const {
  Values rows, columns;
  for (int64_t i = 0; i < 2 * rowTiles; ++i)
    rows.push_back(getRow(k, context, i));
  for (int64_t n = 0; n < columnTiles; ++n)
    columns.push_back(k.addC(
        k.add(k.add(context.firstColumn, context.warpColumn), context.column),
        n * dot.n));
  finish(k, context.args, rows, columns, features % tile.blockN != 0,
         [&](size_t r, size_t n) {
           int64_t i =
               getIndex(int64_t(r) / 2, int64_t(n)) + int64_t(r) % 2 * 2;
           return Pair{state[i], state[i + 1]};
         });
}
