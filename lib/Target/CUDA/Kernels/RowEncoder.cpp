//===- RowEncoder.cpp - numbers to codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowEncoder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

RowEncoder::RowEncoder(QTensorType type)
    : scaleType(type.getScaleType()), lowest(type.getFormat().getMin()),
      highest(type.getFormat().getMax()), hasZeros(type.hasZeros()),
      isInteger(type.isInteger()),
      isE5M2(type.getFormat().getName() == "e5m2") {}

Value RowEncoder::zeroIfNaN(KernelBuilder &k, Value number) {
  Value isNaN = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::UNO,
                                      number, number);
  return k.select(isNaN, k.cf32(0), number);
}

static Value roundEven(KernelBuilder &k, Value x) {
  return math::RoundEvenOp::create(k.b, k.loc, x);
}

RowEncoder::Params RowEncoder::choose(KernelBuilder &k, Value least,
                                      Value largest) const {
  Value range =
      hasZeros ? k.sub(largest, least) : k.maxF(k.negF(least), largest);
  double steps = hasZeros ? highest - lowest : highest;
  bool isHalf = scaleType.isF16();
  Value scale = k.fdiv(range, k.cf32(float(steps)));
  float most = isHalf ? 65504.0f : std::numeric_limits<float>::max();
  scale = k.minF(scale, k.cf32(most));
  if (isHalf)
    scale = k.extF(k.truncF(scale, k.f16()));
  float smallest = isHalf ? 0x1p-24f : std::numeric_limits<float>::min();
  scale = k.maxF(scale, k.cf32(smallest));
  Value hasRange = k.gtF(range, k.cf32(0));
  Params params{k.select(hasRange, scale, k.cf32(1)), k.cf32(0),
                k.select(hasRange, scale, k.cf32(0))};
  if (hasZeros) {
    Value place = roundEven(k, k.fdiv(least, params.scale));
    Value zero = k.sub(k.cf32(lowest), place);
    params.zero = k.minF(k.maxF(zero, k.cf32(lowest)), k.cf32(highest));
  }
  return params;
}

Value RowEncoder::encodeFloats(KernelBuilder &k, ValueRange numbers,
                               const Params &params) const {
  KernelBuilder::Values scaled;
  for (Value number : numbers)
    scaled.push_back(k.fdiv(number, params.scale));
  return k.toFloat8(scaled, isE5M2);
}

Value RowEncoder::encode(KernelBuilder &k, Value number,
                         const Params &params) const {
  Value low = k.sub(k.cf32(lowest), params.zero);
  Value high = k.sub(k.cf32(highest), params.zero);
  Value code = k.fdiv(number, params.scale);
  code = roundEven(k, k.minF(k.maxF(code, low), high));
  return k.add(k.toInt(code), k.toInt(params.zero));
}
