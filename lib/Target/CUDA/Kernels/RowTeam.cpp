//===- RowTeam.cpp - a block of threads on a row -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowTeam.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

void RowTeam::forEach(KernelBuilder &k, int64_t size,
                      std::function<void(Value)> body) const {
  Value begin = k.mulC(k.threadId(), kInputs);
  Value warpBegin = k.mulC(k.divC(k.threadId(), kWarp), kWarp * kInputs);
  Value inWarp = k.sub(begin, warpBegin);
  k.loop(warpBegin, k.c32(int32_t(size)), getThreads() * kInputs,
         [&](Value first) { body(k.add(first, inWarp)); });
}

Values
RowTeam::fold(KernelBuilder &k, ValueRange state,
              llvm::function_ref<Values(Value first, ValueRange)> body) const {
  Value begin = k.mulC(k.threadId(), kInputs);
  return k.loop(
      begin, k.c32(int32_t(features)), getThreads() * kInputs, state,
      [&](Value first, ValueRange sofar) { return body(first, sofar); });
}

Values RowTeam::load(KernelBuilder &k, Value x, Value first) const {
  Values numbers;
  Value zero = k.cf32(0);
  if (features % kInputs == 0) {
    Value at = k.mulC(k.minC(first, features - kInputs), 4);
    Value all = k.load(k.vec(k.f32(), kInputs), k.at(x, at), 16);
    Value exists = k.ltS(first, k.c32(int32_t(features)));
    for (int64_t i = 0; i < kInputs; ++i)
      numbers.push_back(k.select(
          exists, vector::ExtractOp::create(k.b, k.loc, all, i), zero));
    return numbers;
  }
  for (int64_t i = 0; i < kInputs; ++i) {
    Value index = k.addC(first, i);
    Value at = k.mulC(k.minC(index, features - 1), 4);
    numbers.push_back(k.select(k.ltS(index, k.c32(int32_t(features))),
                               k.load(k.f32(), k.at(x, at), 4), zero));
  }
  return numbers;
}

void RowTeam::store(KernelBuilder &k, ValueRange numbers, Value out,
                    Value first) const {
  if (features % kInputs == 0) {
    Value all = vector::FromElementsOp::create(
        k.b, k.loc, k.vec(k.f32(), kInputs), numbers);
    return k.ifThen(k.ltS(first, k.c32(int32_t(features))),
                    [&] { k.store(all, k.at(out, k.mulC(first, 4)), 16); });
  }
  for (int64_t i = 0; i < kInputs; ++i) {
    Value index = k.addC(first, i);
    k.ifThen(k.ltS(index, k.c32(int32_t(features))),
             [&] { k.store(numbers[i], k.at(out, k.mulC(index, 4)), 4); });
  }
}

Values RowTeam::reduce(KernelBuilder &k, Values mine, Join join) const {
  for (int64_t mask = kWarp / 2; mask; mask /= 2) {
    Values others;
    for (Value number : mine)
      others.push_back(k.shuffleXor(number, mask));
    mine = join(mine, others);
  }
  if (warps == 1)
    return mine;
  // Each warp leaves its numbers in shared memory.
  int64_t bytes = 4 * int64_t(mine.size());
  Value warp = k.divC(k.threadId(), kWarp), lane = k.remC(k.threadId(), kWarp);
  auto placeOf = [&](Value base, int64_t i) { return k.at(base, 4 * i); };
  k.ifThen(k.eq(lane, k.c32(0)), [&] {
    Value to = k.at(k.shared(), k.mulC(warp, bytes));
    for (auto [i, number] : llvm::enumerate(mine))
      k.store(number, placeOf(to, int64_t(i)), 4);
  });
  k.barrier();
  Values joined;
  for (int64_t from = 0; from < warps; ++from) {
    Values theirs;
    for (size_t i = 0; i < mine.size(); ++i)
      theirs.push_back(k.load(
          k.f32(), placeOf(k.at(k.shared(), from * bytes), int64_t(i)), 4));
    joined = from ? join(joined, theirs) : theirs;
  }
  // The next one writes to the same place.
  k.barrier();
  return joined;
}

Value RowTeam::sum(KernelBuilder &k, Value mine) const {
  return reduce(k, {mine}, [&](ValueRange x, ValueRange y) {
    return Values{k.add(x[0], y[0])};
  })[0];
}
