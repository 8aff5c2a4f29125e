//===- Functions.cpp - elementary functions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace qnt::cuda;

Value KernelBuilder::exp2(Value x) { return math::Exp2Op::create(b, loc, x); }

/// A number that is not negative, with the sign of `x`.
static Value withSign(KernelBuilder &k, Value magnitude, Value x) {
  Value sign = k.band(k.bitcast(x, k.i32()), k.c32(INT32_MIN));
  return k.bitcast(k.bor(k.bitcast(magnitude, k.i32()), sign), k.f32());
}

Value KernelBuilder::exp(Value x) { return exp2(mul(x, cf32(float(M_LOG2E)))); }

Value KernelBuilder::sigmoid(Value x) {
  Value one = cf32(1);
  return divFast(one, add(one, exp(negF(x))));
}

Value KernelBuilder::tanh(Value x) {
  // Of the magnitude, so that nothing overflows: exp(-2 |x|) is at most 1.
  Value one = cf32(1);
  Value small = exp(mul(absF(x), cf32(-2)));
  Value result = divFast(sub(one, small), add(one, small));
  return withSign(*this, result, x);
}

Value KernelBuilder::erf(Value x) {
  Value magnitude = absF(x), one = cf32(1);
  Value t = divFast(one, fma(magnitude, cf32(0.3275911f), one));
  Value sum = cf32(1.061405429f);
  for (float coefficient :
       {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f})
    sum = fma(sum, t, cf32(coefficient));
  Value tail = mul(mul(sum, t), exp(negF(mul(x, x))));
  return withSign(*this, sub(one, tail), x);
}
