//===- TensorOperands.cpp - what lanes do to tensor memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TensorEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

/// The decoded codes of 16 features of the warp, two tiles, as the fragments of
/// A of one step after the other: words of tensor memory in their order.
void TensorEmitter::storeHalf(KernelBuilder &k, const Context &context,
                              Value codesAt, Value operand, int64_t half,
                              ArrayRef<Values> offsets) const {
  SmallVector<TileCodes> codes;
  for (int64_t i = 0; i < 2; ++i)
    codes.emplace_back(g, k.at(codesAt, (2 * half + i) * g.tileBytes),
                       context.lane);
  Values words;
  for (int64_t w = 0; w < g.getWords(); ++w)
    for (int64_t i = 0; i < 2; ++i) {
      int64_t group = w * g.groupsPerChunk / g.getWords();
      Value offset =
          isFloat() ? offsets[size_t(isGrouped() ? group : 0)][2 * half + i]
                    : Value();
      words.push_back(decode(k, codes[i], w, offset));
    }
  k.storeTensor(k.addC(operand, (16 * half) << 16), words);
}

/// The word of row r, of A the warpgroup's feature, lies in column r / 32: so a
/// lane has every 32nd of them, whichever its quarter.
void TensorEmitter::storeScales(KernelBuilder &k, const Context &context,
                                Value at, Value operand) const {
  constexpr int64_t rowBytes = WarpgroupStage::scaleRow, perPanel = 2;
  int64_t bytes = g.groupsPerChunk;
  Value panel = k.mulC(context.warpgroup, perPanel * stage.scaleBytes);
  std::array<SmallVector<Values>, 2> sides;
  for (int64_t i = 0; i < TensorPlan::kScaleColumns; ++i) {
    Value feature = k.addC(context.lane, i % perPanel * kWarp);
    Value place = k.add(panel, k.mulC(feature, bytes));
    sides[0].push_back(k.loadWords(
        k.at(at,
             k.addC(place, stage.scalesAt + i / perPanel * stage.scaleBytes)),
        bytes));
    // Of rows that the block has not, any.
    Value row = k.remC(k.addC(context.lane, i * kWarp), tile.blockM);
    sides[1].push_back(k.loadWords(
        k.at(at, k.addC(k.mulC(row, rowBytes), stage.rowScalesAt)), bytes));
  }
  Values words;
  for (const SmallVector<Values> &rows : sides)
    for (int64_t w = 0; w < getScaleWords(); ++w)
      for (const Values &row : rows)
        words.push_back(row[size_t(w)]);
  k.storeTensorRows(k.addC(operand, getScales(/*ofB=*/false, 0)), words);
}

TensorEmitter::Values TensorEmitter::emitChunk(KernelBuilder &k,
                                               const Context &context,
                                               const Tensor &tensor,
                                               const Place &place,
                                               Value c) const {
  Value at = k.at(context.shared, place.offset);
  k.waitPhase(getFull(k, context, place), place.parity);
  Turn turn = getOperandTurn(k, c);
  Value barrier =
      getBarrier(k, tensor, context.warpgroup, plan.getOperandBarrier(), turn);
  waitEmpty(k, barrier, turn);
  SmallVector<Values> offsets{context.offsets};
  if (isFloat() && isGrouped()) {
    offsets.clear();
    for (int64_t group = 0; group < g.groupsPerChunk; ++group)
      offsets.push_back(loadGroupOffsets(k, context, at, getLine(k, c, group),
                                         /*tiles=*/4));
  }
  // The warp's four tiles of the panel.
  Value first = k.mulC(k.remC(context.warp, 2), 4 * g.tileBytes);
  Value codesAt =
      k.at(at, k.add(k.addC(k.mulC(context.panel, g.chunkBytes), stage.codesAt),
                     first));
  Value operand =
      k.add(getOperand(k, tensor, context.warpgroup, turn), tensor.quarter);
  for (int64_t half = 0; half < 2; ++half)
    storeHalf(k, context, codesAt, operand, half, offsets);
  if (shape.isBlockScaled())
    storeScales(k, context, at, operand);
  Values factors;
  for (int64_t group = 0; isGrouped() && group < g.groupsPerChunk; ++group) {
    Factor factor =
        loadGroupFactor(k, context, at, c, group, getRowFeature(k, context));
    factors.push_back(factor.factor);
    if (usesRowSums())
      factors.push_back(factor.less);
  }
  k.waitTensorStores();
  arriveAt(k, context, barrier);
  leaveStage(k, context, place);
  return factors;
}

/// Adds the scaled sums of chunk `c`.
void TensorEmitter::rescale(KernelBuilder &k, const Context &context,
                            const Tensor &tensor, Value c, ValueRange factors,
                            Values &numbers) const {
  for (int64_t group = 0; group < g.groupsPerChunk; ++group) {
    Turn turn = getSumTurn(k, c, group);
    Value barrier =
        getBarrier(k, tensor, context.warpgroup, plan.getSumBarrier(), turn);
    waitFull(k, barrier, turn);
    ValueRange values =
        factors.slice(size_t(group) * getFactorSize(), getFactorSize());
    Factor factor{values[0], usesRowSums() ? values[1] : Value()};
    Value inRow = getGroup(k, c, group);
    Value from =
        k.add(getSums(k, tensor, context.warpgroup, turn), tensor.quarter);
    for (int64_t first = 0; first < tile.blockM; first += getPiece()) {
      Values sums =
          k.loadTensor(k.addC(from, first), getPiece(), getNumberType(k));
      for (auto [i, sum] : llvm::enumerate(sums)) {
        int64_t row = first + int64_t(i);
        Value rowSum =
            loadRowSum(k, context.args, k.addC(context.firstRow, row), inRow);
        numbers[size_t(row)] =
            scale(k, factor, sum, rowSum, numbers[size_t(row)]);
      }
    }
    arriveAt(k, context, k.at(barrier, 8));
  }
}

TensorEmitter::Values TensorEmitter::emitChunks(KernelBuilder &k,
                                                const Context &context,
                                                const Tensor &tensor) const {
  Place place = getFirst(k, /*isEmpty=*/false);
  auto chunks = int32_t(g.chunks);
  if (!isGrouped()) {
    k.loop(k.c32(0), context.chunks, 1, place.get(),
           [&](Value c, ValueRange carried) {
             Place at = Place::of(carried);
             emitChunk(k, context, tensor, at, c);
             return Values(next(k, at).get());
           });
    return {};
  }
  // A chunk's sums are scaled once the next one is decoded, so that there are
  // products in the meantime.
  Values state(size_t(tile.blockM), k.cf32(0));
  size_t size = state.size();
  llvm::append_range(state, emitChunk(k, context, tensor, place, k.c32(0)));
  size_t factors = state.size() - size;
  llvm::append_range(state, next(k, place).get());
  state = k.loop(k.c32(1), k.c32(chunks), 1, state,
                 [&](Value c, ValueRange carried) {
                   Place at = Place::of(carried.drop_front(size + factors));
                   Values result(carried.take_front(size));
                   Values more = emitChunk(k, context, tensor, at, c);
                   rescale(k, context, tensor, k.addC(c, -1),
                           carried.slice(size, factors), result);
                   llvm::append_range(result, more);
                   llvm::append_range(result, next(k, at).get());
                   return result;
                 });
  Values numbers(ArrayRef<Value>(state).take_front(size));
  rescale(k, context, tensor, k.c32(chunks - 1),
          ArrayRef<Value>(state).slice(size, factors), numbers);
  return numbers;
}

TensorEmitter::Values TensorEmitter::loadSums(KernelBuilder &k,
                                              const Context &context,
                                              const Tensor &tensor,
                                              int64_t first) const {
  Value sums =
      k.add(getSums(k, tensor, context.warpgroup, {k.c32(0), k.c32(0)}),
            tensor.quarter);
  return k.loadTensor(k.addC(sums, first), getPiece(), getNumberType(k));
}

/// A lane has all rows of one feature; two lanes exchange numbers, so that each
/// has two neighbouring features of every other row.
void TensorEmitter::finishTile(KernelBuilder &k, const Context &context,
                               const Tensor &tensor, ValueRange numbers) const {
  if (numbers.empty()) {
    k.waitPhase(tensor.done, k.c32(0));
    k.fenceTensorAfter();
  }
  Value odd = k.remC(context.lane, 2);
  Value isOdd = k.eq(odd, k.c32(1));
  Value column = k.sub(k.add(context.firstColumn, context.thread), odd);
  for (int64_t first = 0; first < tile.blockM; first += getPiece()) {
    Values piece =
        numbers.empty()
            ? loadSums(k, context, tensor, first)
            : Values(numbers.slice(size_t(first), size_t(getPiece())));
    Values rows;
    for (int64_t i = 0; i < getPiece(); i += 2)
      rows.push_back(k.addC(k.add(context.firstRow, odd), first + i));
    finish(k, context.args, rows, {column}, features % tile.blockN != 0,
           [&](size_t r, size_t) {
             return exchange(k, isOdd, piece[2 * r], piece[2 * r + 1],
                             /*mask=*/1);
           });
  }
}

void TensorEmitter::finishShared(KernelBuilder &k, const Context &context,
                                 const Tensor &tensor) const {
  // Warps that copied reach the same lanes of tensor memory as the one
  // warpgroup that decoded.
  Context one = context;
  one.warpgroup = k.c32(0);
  Values state;
  for (int64_t first = 0; first < tile.blockM; first += getPiece())
    llvm::append_range(state, loadSums(k, one, tensor, first));
  reduceSplits(k, one.args, tile, {one.thread, one.shared, getLanes()}, state,
               [&](ValueRange sums) { finishTile(k, one, tensor, sums); });
}
