//===- LinearScaling.cpp - from sums of products to results -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

/// Two numbers of `element` that lie together.
static Epilogue::Pair loadPair(KernelBuilder &k, Type element, Value at) {
  Value both = k.load(k.vec(element, 2), at,
                      unsigned(element.getIntOrFloatBitWidth() / 4));
  return {vector::ExtractOp::create(k.b, k.loc, both, 0),
          vector::ExtractOp::create(k.b, k.loc, both, 1)};
}

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
    return locateColumn(k, context, k.add(first, column), features - 1)
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

/// The sums of the stored codes of the lane's rows over a group, where zero
/// points or offsets need them; of rows that do not exist, anything.
LinearEmitter::Values LinearEmitter::loadRowSums(KernelBuilder &k,
                                                 const Context &context,
                                                 Value group) const {
  Values rowSums(2 * rowTiles);
  if (!usesRowSums())
    return rowSums;
  // The last chunk may have groups that do not exist.
  Value there = k.mulC(k.minC(group, g.groups - 1), 4);
  for (auto [i, sum] : llvm::enumerate(rowSums)) {
    Value row = getRow(k, context, int64_t(i));
    Value at = k.atRow(context.sums, k.minS(row, k.addC(context.rows, -1)),
                       4 * g.groups);
    sum = k.sitofp(k.load(k.i32(), k.at(at, there), 4), k.f32());
  }
  return rowSums;
}

/// Of two neighbouring columns whose scales and zero points or offsets the
/// pointers point at.
LinearEmitter::Scaling
LinearEmitter::loadScaling(KernelBuilder &k, Value scales, Value zeros) const {
  Scaling scaling;
  Pair scale;
  scale.fill(k.cf32(1));
  if (Type type = shape.weight.getScaleType())
    scale = loadPair(k, type, scales);
  float factor =
      isFloat() ? decoder.getHalfFactor() : 1.0f / float(decoder.getFactor());
  for (unsigned i = 0; i < 2; ++i) {
    scale[i] = k.extF(scale[i]);
    scaling.factor[i] =
        factor == 1 ? scale[i] : k.mul(scale[i], k.cf32(factor));
  }
  if (!usesRowSums())
    return scaling;
  bool hasOffsets = shape.weight.hasOffsets();
  scaling.less = loadPair(k, hasOffsets ? k.f32() : k.i8(), zeros);
  for (unsigned i = 0; i < 2 && !hasOffsets; ++i) {
    Value &zero = scaling.less[i];
    zero = decoder.isSigned() ? k.sext(zero, k.i32()) : k.zext(zero, k.i32());
    zero = k.mul(scale[i], k.sitofp(zero, k.f32()));
  }
  return scaling;
}

/// `number` and what the i32 sum of products of a group counts.
Value LinearEmitter::scale(KernelBuilder &k, const Scaling &scaling,
                           unsigned column, Value sum, Value rowSum,
                           Value number) const {
  if (dot.isInteger)
    sum = k.sitofp(sum, k.f32());
  number = k.fma(sum, scaling.factor[column], number);
  return rowSum ? k.fma(k.negF(scaling.less[column]), rowSum, number) : number;
}

/// Adds the scaled sums of products of group `group` of the chunk.
void LinearEmitter::rescale(KernelBuilder &k, const Context &context, Value at,
                            Value c, int64_t group, ArrayRef<Value> sums,
                            Values &numbers) const {
  int64_t scaleBytes = stage.scaleBytes / tile.blockN;
  int64_t zeroBytes = stage.zeroBytes / tile.blockN;
  Values rowSums =
      loadRowSums(k, context, k.addC(k.mulC(c, g.groupsPerChunk), group));
  for (int64_t n = 0; n < columnTiles; ++n) {
    Value column = k.addC(k.add(context.warpColumn, context.column), n * dot.n);
    auto pointer = [&](int64_t first, int64_t lineBytes, int64_t bytes) {
      return k.at(at, k.addC(k.mulC(column, bytes), first + group * lineBytes));
    };
    Scaling scaling =
        loadScaling(k, pointer(stage.scalesAt, stage.scaleBytes, scaleBytes),
                    pointer(stage.zerosAt, stage.zeroBytes, zeroBytes));
    for (int64_t m = 0; m < rowTiles; ++m)
      for (int64_t i = 0; i < 4; ++i) {
        Value &number = numbers[getIndex(m, n) + i];
        number = scale(k, scaling, i % 2, sums[getIndex(m, n) + i],
                       rowSums[2 * m + i / 2], number);
      }
  }
}

/// Of columns beyond `last`, that one.
LinearEmitter::PanelPlace LinearEmitter::locateColumn(KernelBuilder &k,
                                                      const Context &context,
                                                      Value column,
                                                      int64_t last) const {
  Value there = k.minC(column, last);
  Value panel = k.atRow(context.weight, k.divC(there, g.columns), g.panelBytes);
  return {panel, k.remC(there, g.columns)};
}

void LinearEmitter::finish(KernelBuilder &k, const Context &context,
                           ValueRange state) const {
  // Of each row: its scale and its zero point.
  Values rowScales, rowZeros, rows;
  for (int64_t i = 0; i < 2 * rowTiles; ++i) {
    rows.push_back(getRow(k, context, i));
    if (isFloat())
      continue;
    Value there = k.minS(rows.back(), k.addC(context.rows, -1));
    rowScales.push_back(k.load(k.f32(), k.atRow(context.scales, there, 4), 4));
    if (hasInputZeros())
      rowZeros.push_back(k.load(k.f32(), k.atRow(context.zeros, there, 4), 4));
  }
  Values rowSums;
  if (!isGrouped())
    rowSums = loadRowSums(k, context, k.c32(0));
  bool isPartial = features % tile.blockN != 0;
  for (int64_t n = 0; n < columnTiles; ++n) {
    Value column = k.addC(
        k.add(k.add(context.firstColumn, context.warpColumn), context.column),
        n * dot.n);
    // Panels are padded, so that an even column and the next are there.
    PanelPlace place = locateColumn(k, context, column, (features - 1) / 2 * 2);
    Scaling scaling;
    if (!isGrouped())
      scaling =
          loadScaling(k, place.at(k, g.scalesAt, g.scaleBytes / g.columns),
                      place.at(k, g.zerosAt, g.zeroBytes / g.columns));
    Pair columnSums;
    if (hasInputZeros())
      columnSums = loadPair(k, k.f32(), place.at(k, g.sumsAt, 4));
    SmallVector<Pair> prepared = epilogue.prepare(k, context.operands, column);
    for (auto [i, row] : llvm::enumerate(rows)) {
      Value exists = k.ltS(row, context.rows);
      if (isPartial)
        exists = k.band(exists, k.ltS(column, k.c32(int32_t(features))));
      k.ifThen(exists, [&] {
        Pair numbers;
        for (unsigned j = 0; j < 2; ++j) {
          Value number = state[getIndex(int64_t(i) / 2, n) + i % 2 * 2 + j];
          if (!isGrouped())
            number = scale(k, scaling, j, number, rowSums[i], k.cf32(0));
          if (hasInputZeros())
            number = k.fma(k.negF(rowZeros[i]), columnSums[j], number);
          numbers[j] = isFloat() ? number : k.mul(number, rowScales[i]);
        }
        epilogue.emit(k, context.operands, context.out, row, column, numbers,
                      prepared);
      });
    }
  }
}
