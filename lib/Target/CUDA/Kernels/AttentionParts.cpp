//===- AttentionParts.cpp - joins parts of a context -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AttentionParts.h"

#include "../Kernels.h"

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kFeatures = 4;
/// Parts that are loaded at once: nothing else hides how long that takes.
static constexpr int64_t kBatch = 16;

int64_t qnt::cuda::chooseAttentionSplits(const Chip &chip, int64_t blocks) {
  return std::clamp<int64_t>(2 * chip.multiprocessors / blocks, 1, 48);
}

void AttentionParts::describe(Kernel &kernel) {
  kernel.sharedBytes = warps * getPartBytes();
  kernel.grid[2].blocks = splits;
  if (splits == 1)
    return;
  kernel.workspaceBytes = splits * getPartBytes();
  workspace = kernel.addInOut("workspace");
  counters = kernel.addInOut("counters");
}

// Values of all rows, then two numbers for each row.
Value AttentionParts::valuesAt(KernelBuilder &k, Value part, Value row) const {
  return k.at(part, k.mulC(row, 4 * features));
}
Value AttentionParts::stateAt(KernelBuilder &k, Value part, Value row) const {
  return k.at(k.at(part, 4 * rows * features), k.mulC(row, 8));
}

Value AttentionParts::valuesOf(KernelBuilder &k, Value warp, Value row) const {
  return valuesAt(k, k.atRow(k.shared(), warp, getPartBytes()), row);
}
void AttentionParts::storeState(KernelBuilder &k, Value warp, Value row,
                                Value most, Value sum) const {
  Value part = k.atRow(k.shared(), warp, getPartBytes());
  k.store(k.pack({most, sum}), stateAt(k, part, row), 8);
}

/// Calls `use` for what the parts make together, of all features of the first
/// `count` rows.
void AttentionParts::join(KernelBuilder &k, Value parts, int64_t partCount,
                          Value count,
                          llvm::function_ref<void(const Joined &)> use) const {
  int64_t perRow = features / kFeatures;
  k.loop(k.threadId(), k.mulC(count, perRow), warps * kWarp, [&](Value i) {
    Joined joined;
    joined.row = k.divC(i, perRow);
    joined.feature = k.mulC(k.remC(i, perRow), kFeatures);
    Value values =
        k.at(valuesAt(k, parts, joined.row), k.mulC(joined.feature, 4));
    Value state = stateAt(k, parts, joined.row);
    SmallVector<Values> states;
    for (int64_t part = 0; part < partCount; ++part)
      states.push_back(k.elements(
          k.load(k.vec(k.f32(), 2), k.at(state, part * getPartBytes()), 8)));
    joined.most = states.front()[0];
    for (const Values &other : ArrayRef(states).drop_front())
      joined.most = k.maxNum(joined.most, other[0]);
    joined.sum = k.cf32(0);
    joined.numbers = Values(kFeatures, k.cf32(0));
    for (int64_t first = 0; first < partCount; first += kBatch) {
      int64_t end = std::min(partCount, first + kBatch);
      SmallVector<Values> numbers;
      for (int64_t part = first; part < end; ++part)
        numbers.push_back(
            k.elements(k.load(k.vec(k.f32(), kFeatures),
                              k.at(values, part * getPartBytes()), 16)));
      for (int64_t part = first; part < end; ++part) {
        Value factor = k.exp2(k.sub(states[part][0], joined.most));
        joined.sum = k.fma(states[part][1], factor, joined.sum);
        for (auto [sum, number] :
             llvm::zip_equal(joined.numbers, numbers[part - first]))
          sum = k.fma(number, factor, sum);
      }
    }
    use(joined);
  });
}

void AttentionParts::storeResult(
    KernelBuilder &k, Value parts, int64_t partCount, Value count,
    llvm::function_ref<Value(Value)> placeOf) const {
  join(k, parts, partCount, count, [&](const Joined &joined) {
    Value isNone = k.eqF(joined.sum, k.cf32(0));
    Value factor = k.divFast(k.cf32(1), joined.sum);
    factor = k.select(isNone, k.cf32(0), factor);
    Values results;
    for (Value number : joined.numbers)
      results.push_back(k.mul(number, factor));
    k.store(k.pack(results),
            k.at(placeOf(joined.row), k.mulC(joined.feature, 4)), 16);
  });
}

void AttentionParts::finish(KernelBuilder &k, ValueRange args, Value tile,
                            Value count,
                            llvm::function_ref<Value(Value)> placeOf) const {
  k.barrier();
  if (splits == 1)
    return storeResult(k, k.shared(), warps, count, placeOf);
  Value parts = k.atRow(args[workspace], tile, splits * getPartBytes());
  Value split = k.blockId(gpu::Dimension::z);
  Value mine = k.atRow(parts, split, getPartBytes());
  join(k, k.shared(), warps, count, [&](const Joined &joined) {
    k.store(k.pack(joined.numbers),
            k.at(valuesAt(k, mine, joined.row), k.mulC(joined.feature, 4)), 16);
    k.ifThen(k.eq(joined.feature, k.c32(0)), [&] {
      k.store(k.pack({joined.most, joined.sum}), stateAt(k, mine, joined.row),
              8);
    });
  });
  k.fence();
  k.barrier();
  Value counter = k.atRow(args[counters], tile, 4);
  Value isFirst = k.eq(k.threadId(), k.c32(0));
  k.ifThen(isFirst,
           [&] { k.store(k.atomicAdd(counter, k.c32(1)), k.shared(), 4); });
  k.barrier();
  Value before = k.load(k.i32(), k.shared(), 4);
  k.ifThen(k.eq(before, k.c32(int32_t(splits - 1))), [&] {
    k.fence();
    // For the next launch.
    k.ifThen(isFirst, [&] { k.store(k.c32(0), counter, 4); });
    storeResult(k, parts, splits, count, placeOf);
  });
}
