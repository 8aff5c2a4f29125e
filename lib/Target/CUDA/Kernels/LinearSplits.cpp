//===- LinearSplits.cpp - blocks that share a tile -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearScaling.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

// Words that a lane stores at once.
static constexpr int64_t kVector = 4;

// Every block stores its state, then counts itself; the one that comes last
// adds up all of them in the order of the blocks, so that the result does not
// depend on who that is.
void LinearScaling::reduceSplits(
    KernelBuilder &k, const LinearArguments &args, const LinearTile &tile,
    const Sharer &sharer, ValueRange state,
    llvm::function_ref<void(ValueRange)> rest) const {
  bool isNumber = isGrouped() || !isInteger;
  VectorType vector = k.vec(isNumber ? k.f32() : k.i32(), kVector);
  auto size = int64_t(state.size());
  int64_t splitBytes = sharer.lanes * size * 4;
  auto byLanes = [&](llvm::function_ref<void()> body) {
    if (sharer.lanes == tile.getThreads())
      return body();
    k.ifThen(k.ltS(sharer.thread, k.c32(int32_t(sharer.lanes))), body);
  };
  Value tileIndex = k.add(k.mulC(k.blockId(gpu::Dimension::y),
                                 llvm::divideCeil(features, tile.blockN)),
                          k.blockId(gpu::Dimension::x));
  Value tileAt = k.atRow(args.workspace, tileIndex, tile.splits * splitBytes);
  // Vectors of one place of all lanes lie together.
  auto place = [&](Value split, int64_t first) {
    Value at = k.atRow(tileAt, split, splitBytes);
    return k.at(at, k.addC(k.mulC(sharer.thread, 4 * kVector),
                           first * 4 * sharer.lanes));
  };
  Value split = k.blockId(gpu::Dimension::z);
  byLanes([&] {
    for (int64_t i = 0; i < size; i += kVector)
      k.store(vector::FromElementsOp::create(k.b, k.loc, vector,
                                             state.slice(i, kVector)),
              place(split, i), 4 * kVector);
    k.fence();
  });
  k.barrier();
  // Shared memory is free again: everybody has read the last stage.
  Value counter = k.at(args.counters, k.mulC(tileIndex, 4));
  k.ifThen(k.eq(sharer.thread, k.c32(0)), [&] {
    Value before = k.atomicAdd(counter, k.c32(1));
    k.store(before, sharer.shared, 4);
  });
  k.barrier();
  Value before = k.load(k.i32(), sharer.shared, 4);
  Value isLast = k.eq(before, k.c32(int32_t(tile.splits - 1)));
  auto finishAll = [&] {
    k.fence();
    Values sums(size_t(size), isNumber ? k.cf32(0) : k.c32(0));
    for (int64_t i = 0; i < size; i += kVector)
      for (int64_t s = 0; s < tile.splits; ++s) {
        Value part = k.load(vector, place(k.c32(int32_t(s)), i), 4 * kVector);
        for (int64_t j = 0; j < kVector; ++j)
          sums[i + j] = k.add(sums[i + j],
                              vector::ExtractOp::create(k.b, k.loc, part, j));
      }
    // For the next launch.
    k.ifThen(k.eq(sharer.thread, k.c32(0)),
             [&] { k.store(k.c32(0), counter, 4); });
    rest(sums);
  };
  k.ifThen(isLast, [&] { byLanes(finishAll); });
}
