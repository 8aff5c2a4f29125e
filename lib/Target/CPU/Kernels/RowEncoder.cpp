//===- RowEncoder.cpp - integer codes of rows -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowEncoder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// NaN compares false: it does not count.
Value RowEncoder::extreme(Value x, bool largest, bool magnitude) {
  Value zero = k.constant(k.vec(k.f32()), 0);
  auto join = [&](Value value, Value best) {
    return largest ? k.maxF(value, best) : k.minF(value, best);
  };
  Value lanes = foldLanes(
      k, features, zero,
      [&](Value best, Value i, Value count) {
        Value value = loadLanes(k, x, i, count);
        return join(magnitude ? k.absF(value) : value, best);
      },
      join);
  return largest ? k.reduceMaxF(lanes) : k.reduceMinF(lanes);
}

/// Fills in the scale: positive, as roundScale gives it; 1 for a range of zero.
RowEncoder::Params RowEncoder::paramsOf(Value range, double steps) {
  float most = scaleType.isF16()    ? 65504.0f
               : scaleType.isBF16() ? 0x1.fep127f
                                    : std::numeric_limits<float>::max();
  Value scale = k.fdiv(range, k.cf32(float(steps)));
  scale = k.minF(scale, k.cf32(most));
  if (!scaleType.isF32()) {
    Value rounded = k.extF(k.truncF(k.splat(scale), scaleType), k.f32());
    scale = vector::ExtractOp::create(k.b, k.loc, rounded, 0);
  }
  scale = k.maxF(scale, k.cf32(scaleType.isF16() ? 0x1p-24f : 0x1p-126f));
  Value hasRange = k.gtF(range, k.cf32(0));
  return {k.select(hasRange, scale, k.cf32(1)), k.cf32(0),
          k.select(hasRange, scale, k.cf32(0))};
}

RowEncoder::Params RowEncoder::chooseParams(Value x) {
  if (!hasZeros)
    return paramsOf(extreme(x, /*largest=*/true, /*magnitude=*/true), highest);
  Value high = extreme(x, /*largest=*/true, /*magnitude=*/false);
  Value low = extreme(x, /*largest=*/false, /*magnitude=*/false);
  Params params = paramsOf(k.sub(high, low), highest - lowest);
  // Rounding after clamping gives the same at integer bounds.
  Value steps = k.fdiv(low, params.scale);
  steps = k.minF(k.maxF(steps, k.cf32(float(lowest - highest))), k.cf32(0));
  params.zero =
      k.sub(k.cf32(float(lowest)), k.sitofp(k.roundToInt(steps), k.f32()));
  return params;
}

RowEncoder::Map RowEncoder::getMap(Params params, int64_t excess) {
  return {k.splat(params.scale),
          k.splat(k.sub(k.cf32(float(lowest)), params.zero)),
          k.splat(k.sub(k.cf32(float(highest)), params.zero)),
          k.splat(k.add(k.roundToInt(params.zero), k.c32(int32_t(excess))))};
}

Value RowEncoder::encode(const Map &map, Value numbers) {
  Value code = k.fdiv(zeroIfNaN(k, numbers), map.scale);
  code = k.minF(k.maxF(code, map.low), map.high);
  return k.add(k.roundToInt(code), map.offset);
}
