//===- LinearTensor.cpp - linear layers by TMA and tcgen05 -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TensorEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

TensorPlan TensorPlan::of(const FragmentGeometry &g, const LinearTile &tile,
                          int64_t inputBits) {
  TensorPlan plan;
  plan.operandColumns = FragmentGeometry::chunkInputs * inputBits / 32;
  plan.bufferColumns = plan.operandColumns;
  if (g.hasSmallScales)
    plan.bufferColumns += 2 * g.groupsPerChunk / 4 * kScaleColumns;
  plan.sumColumns = tile.blockM;
  for (int64_t buffers : {2, 1}) {
    plan.sumBuffers = buffers;
    plan.groupColumns =
        kBuffers * plan.bufferColumns + buffers * plan.sumColumns;
    plan.columns = int64_t(
        llvm::PowerOf2Ceil(uint64_t(tile.warpgroups * plan.groupColumns)));
    if (g.groups > 1 && !g.hasSmallScales && plan.columns <= kColumns)
      break;
  }
  return plan;
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

TensorEmitter::Turn TensorEmitter::getOperandTurn(KernelBuilder &k,
                                                  Value c) const {
  return {k.remC(c, TensorPlan::kBuffers),
          k.remC(k.divC(c, TensorPlan::kBuffers), 2)};
}
TensorEmitter::Turn TensorEmitter::getSumTurn(KernelBuilder &k, Value c,
                                              int64_t group) const {
  Value turn = k.addC(k.mulC(c, g.groupsPerChunk), group);
  return {k.remC(turn, plan.sumBuffers),
          k.remC(k.divC(turn, plan.sumBuffers), 2)};
}

Value TensorEmitter::getOperand(KernelBuilder &k, const Tensor &tensor,
                                Value warpgroup, const Turn &turn) const {
  Value first = k.add(tensor.first, k.mulC(warpgroup, plan.groupColumns));
  return k.add(first, k.mulC(turn.slot, plan.bufferColumns));
}
Value TensorEmitter::getSums(KernelBuilder &k, const Tensor &tensor,
                             Value warpgroup, const Turn &turn) const {
  Value first = k.add(tensor.first, k.mulC(warpgroup, plan.groupColumns));
  first = k.addC(first, TensorPlan::kBuffers * plan.bufferColumns);
  return k.add(first, k.mulC(turn.slot, plan.sumColumns));
}

Value TensorEmitter::getBarrier(KernelBuilder &k, const Tensor &tensor,
                                Value warpgroup, int64_t at,
                                const Turn &turn) const {
  Value offset =
      k.add(k.mulC(warpgroup, plan.getGroupBytes()), k.mulC(turn.slot, 16));
  return k.at(tensor.barriers, k.addC(offset, at));
}
void TensorEmitter::waitFull(KernelBuilder &k, Value barrier,
                             const Turn &turn) const {
  k.waitPhase(barrier, turn.parity);
  k.fenceTensorAfter();
}
void TensorEmitter::waitEmpty(KernelBuilder &k, Value barrier,
                              const Turn &turn) const {
  // Before it is filled first, it is empty.
  k.waitPhase(k.at(barrier, 8), k.bxor(turn.parity, k.c32(1)));
  k.fenceTensorAfter();
}
void TensorEmitter::arriveAt(KernelBuilder &k, const Context &context,
                             Value barrier) const {
  k.fenceTensorBefore();
  k.syncWarp();
  k.ifThen(k.eq(context.lane, k.c32(0)), [&] { k.arrive(barrier); });
}

void TensorEmitter::initBarriers(KernelBuilder &k, const Context &context,
                                 const Tensor &tensor) const {
  // A lane of every warp that decodes, and the products.
  initStages(k, context, getLanes() / kWarp + 1);
  constexpr int64_t warps = kWarpgroup / kWarp;
  for (int64_t wg = 0; wg < tile.warpgroups; ++wg) {
    auto init = [&](int64_t at, int64_t full, int64_t empty) {
      Value barrier = k.at(tensor.barriers, wg * plan.getGroupBytes() + at);
      k.initBarrier(barrier, full);
      k.initBarrier(k.at(barrier, 8), empty);
    };
    for (int64_t i = 0; i < TensorPlan::kBuffers; ++i)
      init(plan.getOperandBarrier() + 16 * i, warps, 1);
    for (int64_t i = 0; i < plan.sumBuffers; ++i)
      init(plan.getSumBarrier() + 16 * i, 1, warps);
  }
  k.initBarrier(tensor.done, 1);
  k.fenceBarriers();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Of the buffer at `operand` and the rows that `matrix` describes.
void TensorEmitter::emitStep(KernelBuilder &k, Value operand, Value sums,
                             Value matrix, int64_t step, Value adds) const {
  // Columns that 32 bytes of inputs take.
  constexpr int64_t stepColumns = 8;
  Value a = k.addC(operand, stepColumns * step);
  Value b = k.advanceMatrix(matrix, getStepOffset(step));
  if (!dot.warp.scale)
    return k.multiplyTensor(dot, tile.blockM, sums, a, b, adds);
  int64_t byte = step * (dot.getK() / dot.warp.scale->group);
  k.multiplyTensor(dot, tile.blockM, sums, a, b,
                   k.addC(operand, getScales(/*ofB=*/false, byte / 4)),
                   k.addC(operand, getScales(/*ofB=*/true, byte / 4)), byte % 4,
                   adds);
}

/// Of one chunk and warpgroup.
void TensorEmitter::emitProduct(KernelBuilder &k, const Tensor &tensor,
                                Value warpgroup, Value c, Value matrix) const {
  Turn turn = getOperandTurn(k, c);
  Value ready =
      getBarrier(k, tensor, warpgroup, plan.getOperandBarrier(), turn);
  waitFull(k, ready, turn);
  Value operand = getOperand(k, tensor, warpgroup, turn);
  int64_t perGroup = getSteps() / getGroups();
  for (int64_t group = 0; group < getGroups(); ++group) {
    Turn sumTurn{k.c32(0), k.c32(0)};
    Value summed;
    if (isGrouped()) {
      sumTurn = getSumTurn(k, c, group);
      summed = getBarrier(k, tensor, warpgroup, plan.getSumBarrier(), sumTurn);
      waitEmpty(k, summed, sumTurn);
    }
    Value sums = getSums(k, tensor, warpgroup, sumTurn);
    for (int64_t i = 0; i < perGroup; ++i) {
      int64_t step = group * perGroup + i;
      Value adds = k.constant(k.i1(), i > 0);
      if (!isGrouped() && step == 0)
        adds = k.ltS(k.c32(0), c);
      emitStep(k, operand, sums, matrix, step, adds);
    }
    if (isGrouped())
      k.commitProducts(summed);
  }
  k.commitProducts(k.at(ready, 8));
}

void TensorEmitter::emitProducts(KernelBuilder &k, const Context &context,
                                 const Tensor &tensor) const {
  k.loop(k.c32(0), context.chunks, 1, getFirst(k, /*isEmpty=*/false).get(),
         [&](Value c, ValueRange carried) {
           Place place = Place::of(carried);
           k.waitPhase(getFull(k, context, place), place.parity);
           Value matrix = k.describeMatrix(k.at(context.shared, place.offset),
                                           stage.rowBytes);
           for (int64_t wg = 0; wg < tile.warpgroups; ++wg)
             emitProduct(k, tensor, k.c32(int32_t(wg)), c, matrix);
           k.commitProducts(getEmpty(k, context, place));
           return Values(next(k, place).get());
         });
  // Nothing arrives at an mbarrier of a block that has ended.
  k.commitProducts(tensor.done);
  k.waitPhase(tensor.done, k.c32(0));
  k.fenceTensorAfter();
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void TensorEmitter::emitBody(KernelBuilder &k, ValueRange args) {
  Context context = makeContext(k, args);
  Value isSecond = k.divC(context.warp, 2);
  context.panel = k.add(k.mulC(context.warpgroup, 2), isSecond);
  context.feature =
      k.add(k.mulC(k.remC(context.warp, 2), kWarp), context.eighth);
  Tensor tensor;
  tensor.barriers = k.at(context.barriers, 16 * tile.stages);
  tensor.done = k.at(tensor.barriers, plan.getDoneAt(tile.warpgroups));
  Value addressAt = k.at(tensor.done, 8);
  k.ifThen(k.eq(context.thread, k.c32(0)),
           [&] { initBarriers(k, context, tensor); });
  // The warp behind the one that copies.
  Value multiplier = k.eq(k.divC(context.thread, kWarp),
                          k.c32(int32_t(getLanes() / kWarp + 1)));
  k.ifThen(multiplier, [&] { k.allocateTensor(addressAt, plan.columns); });
  auto synchronize = [&] {
    k.fenceTensorBefore();
    k.barrier();
    k.fenceTensorAfter();
  };
  synchronize();
  // Each part loads it: a register that all of them hold is one too many.
  auto loadAddress = [&] { tensor.first = k.load(k.i32(), addressAt, 4); };
  tensor.quarter = k.mulC(context.warp, kWarp << 16);
  emitRoles(
      k, context,
      [&] {
        loadAddress();
        if (isFloat() && !isGrouped())
          context.offsets = loadRowOffsets(k, context, /*tiles=*/4);
        Values numbers = emitChunks(k, context, tensor);
        if (tile.splits == 1)
          finishTile(k, context, tensor, numbers);
      },
      [&] {
        k.ifThen(k.eq(context.thread, k.c32(int32_t(getLanes()))),
                 [&] { emitCopies(k, context); });
        k.ifThen(k.eq(context.thread, k.c32(int32_t(getLanes() + kWarp))), [&] {
          loadAddress();
          emitProducts(k, context, tensor);
        });
        k.syncWarp();
      });
  synchronize();
  if (tile.splits > 1) {
    loadAddress();
    finishShared(k, context, tensor);
    synchronize();
  }
  k.ifThen(multiplier, [&] {
    loadAddress();
    k.freeTensor(tensor.first, plan.columns);
  });
}

Kernel TensorEmitter::emit() {
  return makeKernel(
      "tcgen05", plan.getSharedBytes(tile.warpgroups),
      [&](KernelBuilder &k, ValueRange args) { emitBody(k, args); });
}

Kernel qnt::cuda::getTensorKernel(KernelLibrary &lib, const LinearShape &shape,
                                  const LinearTile &tile) {
  return TensorEmitter(lib, shape, tile).emit();
}
