//===- LinearWarpgroups.cpp - linear layers by TMA and wgmma -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "WarpgroupEmitter.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

WarpgroupEmitter::Values WarpgroupEmitter::makeState(KernelBuilder &k) const {
  bool isInteger = dot.isInteger() && !isGrouped();
  return Values(size_t(getSize()), isInteger ? k.c32(0) : k.cf32(0));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The products of one k step of a chunk.
WarpgroupEmitter::Values
WarpgroupEmitter::emitStep(KernelBuilder &k, const Context &context,
                           Value matrix, int64_t step,
                           MutableArrayRef<TileCodes> codes,
                           ArrayRef<Value> offsets, const Values &sums) {
  // The words of A: of both tiles of 8 features for each half of the inputs.
  Values a;
  for (unsigned half = 0; half < 2; ++half)
    for (unsigned i = 0; i < 2; ++i)
      a.push_back(decode(k, codes[i], 2 * step + half,
                         isFloat() ? offsets[i] : Value()));
  return k.multiply(dot, tile.blockM, a,
                    k.advanceMatrix(matrix, getStepOffset(step)), sums);
}

/// One chunk in the stage at `at`.
WarpgroupEmitter::Values WarpgroupEmitter::emitChunk(KernelBuilder &k,
                                                     const Context &context,
                                                     Value at, Value c,
                                                     ValueRange state) {
  Value codesAt =
      k.at(at, k.addC(k.mulC(context.panel, g.chunkBytes), stage.codesAt));
  SmallVector<TileCodes> codes;
  for (int64_t i = 0; i < 2; ++i)
    codes.emplace_back(
        g,
        k.at(codesAt, k.mulC(k.addC(k.mulC(context.warp, 2), i), g.tileBytes)),
        context.lane);
  Value matrix = k.describeMatrix(at);
  Values numbers(state), offsets(context.offsets);
  // Products of a group, or of a chunk, begin with zeros.
  Values sums = isGrouped() || promotes() ? Values() : numbers;
  int64_t stepsPerGroup = getSteps() / g.groupsPerChunk;
  for (int64_t step = 0; step < getSteps(); ++step) {
    int64_t group = step / stepsPerGroup;
    if (isFloat() && isGrouped() && step % stepsPerGroup == 0)
      offsets = loadGroupOffsets(k, context, at, getLine(k, c, group),
                                 /*tiles=*/2);
    sums = emitStep(k, context, matrix, step, codes, offsets, sums);
    if (!isGrouped() || (step + 1) % stepsPerGroup)
      continue;
    rescale(k, context, at, c, group, k.waitProducts(sums), numbers);
    sums = Values();
  }
  if (promotes())
    return promote(k, numbers, k.waitProducts(sums));
  return isGrouped() ? numbers : k.waitProducts(sums);
}

WarpgroupEmitter::Values WarpgroupEmitter::emitChunks(KernelBuilder &k,
                                                      const Context &context) {
  Values state = makeState(k);
  Place start = getFirst(k, /*isEmpty=*/false);
  llvm::append_range(state, start.get());
  state = k.loop(k.c32(0), k.c32(int32_t(g.chunks)), 1, state,
                 [&](Value c, ValueRange carried) {
                   Place place =
                       Place::of(carried.drop_front(size_t(getSize())));
                   k.waitPhase(getFull(k, context, place), place.parity);
                   Values result =
                       emitChunk(k, context, k.at(context.shared, place.offset),
                                 c, carried.take_front(size_t(getSize())));
                   leaveStage(k, context, place);
                   llvm::append_range(result, next(k, place).get());
                   return result;
                 });
  state.truncate(size_t(getSize()));
  return state;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void WarpgroupEmitter::emitBody(KernelBuilder &k, ValueRange args) {
  Context context = makeContext(k, args);
  context.panel = context.warpgroup;
  context.feature = k.add(k.mulC(context.warp, 16), context.eighth);
  k.ifThen(k.eq(context.thread, k.c32(0)), [&] {
    // A lane of every warp that multiplies.
    initStages(k, context, getLanes() / kWarp);
    k.fenceBarriers();
  });
  k.barrier();
  emitRoles(
      k, context,
      [&] {
        if (isFloat() && !isGrouped())
          context.offsets = loadRowOffsets(k, context, /*tiles=*/2);
        finishTile(k, context, emitChunks(k, context));
      },
      [&] {
        k.ifThen(k.eq(context.thread, k.c32(int32_t(getLanes()))),
                 [&] { emitCopies(k, context); });
      });
}

Kernel WarpgroupEmitter::emit() {
  return makeKernel(
      "wgmma", /*sharedBytes=*/0,
      [&](KernelBuilder &k, ValueRange args) { emitBody(k, args); });
}

Kernel qnt::cuda::getWarpgroupKernel(KernelLibrary &lib,
                                     const LinearShape &shape,
                                     const LinearTile &tile) {
  return WarpgroupEmitter(lib, shape, tile).emit();
}
