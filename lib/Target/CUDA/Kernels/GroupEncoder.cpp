//===- GroupEncoder.cpp - numbers to codes in groups -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GroupEncoder.h"

#include <bit>
#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

// The largest number of e2m1.
static constexpr float kLargest = 6;
// The exponent field of f32, and one in it.
static constexpr int32_t kExponent = 0x7f800000, kOne = 1 << 23;

GroupEncoder::GroupEncoder(QTensorType type) : isPower(!type.hasRowScales()) {}

bool GroupEncoder::isSupported(QTensorType type) {
  int64_t group = type.getBlock().getGroup();
  return type.hasSmallScales() && type.getFormat().getName() == "e2m1" &&
         (group == 16 || group == 32);
}

static int32_t bitsOf(float number) { return std::bit_cast<int32_t>(number); }

/// `number` where `largest` is not 0, else 1.
static Value unlessZero(KernelBuilder &k, Value largest, Value number) {
  return k.select(k.gtF(largest, k.cf32(0)), number, k.cf32(1));
}

Value GroupEncoder::chooseRowScale(KernelBuilder &k, Value largest) const {
  if (isPower)
    return k.cf32(1);
  // The power of two that makes the largest scale at most 1.75 * 2^8: its own,
  // or where its mantissa is larger the next one.
  Value scale = k.minF(k.fdiv(largest, k.cf32(kLargest)),
                       k.cf32(std::numeric_limits<float>::max()));
  int64_t toNext = kOne - 1 - (bitsOf(1.75f) & (kOne - 1));
  Value bits =
      k.band(k.addC(k.bitcast(scale, k.i32()), toNext), k.c32(kExponent));
  bits = k.maxS(k.addC(bits, -8 * int64_t(kOne)), k.c32(bitsOf(0x1p-117f)));
  return unlessZero(k, largest, k.bitcast(bits, k.f32()));
}

GroupEncoder::Scale GroupEncoder::choose(KernelBuilder &k, Value largest,
                                         Value rowScale) const {
  Value wanted = k.fdiv(largest, k.cf32(kLargest));
  if (isPower) {
    wanted = k.minF(wanted, k.cf32(0x1p127f));
    Value bits =
        k.band(k.addC(k.bitcast(wanted, k.i32()), kOne - 1), k.c32(kExponent));
    bits = k.maxS(bits, k.c32(bitsOf(0x1p-126f)));
    Value scale = unlessZero(k, largest, k.bitcast(bits, k.f32()));
    return {scale, k.shrU(k.bitcast(scale, k.i32()), 23)};
  }
  Value zero = k.cf32(0);
  Value code = k.toFloat8({k.fdiv(wanted, rowScale), zero, zero, zero},
                          /*isE5M2=*/false);
  code = k.maxS(k.band(code, k.c32(255)), k.c32(1));
  // The fields of e4m3 are those of f16, but for a bias that differs by 8.
  Value half = k.bitcast(k.trunc(k.shl(code, 7), k.i16()), k.f16());
  return {k.mul(k.mul(k.extF(half), k.cf32(256)), rowScale), code};
}

Value GroupEncoder::encode(KernelBuilder &k, ValueRange numbers,
                           Value scale) const {
  KernelBuilder::Values scaled;
  for (Value number : numbers)
    scaled.push_back(k.fdiv(number, scale));
  return k.toFloat4(scaled);
}
