//===- Functions.cpp - elementary functions of lanes ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of f32 numbers or lanes, in additions and multiplications that every machine
// has: upstream's expansions ask for fused ones, which are calls without FMA.
// Coefficients without a source are minimax fits made for this file.
//
//===----------------------------------------------------------------------===//
#include "../KernelBuilder.h"

#include <limits>

using namespace mlir;
using namespace qnt::cpu;

/// c[0] + x (c[1] + x (c[2] + ...)).
static Value polynomial(KernelBuilder &k, Value x, ArrayRef<double> c) {
  Value sum = k.constant(x.getType(), c.back());
  for (double coefficient : llvm::reverse(c.drop_back()))
    sum = k.fma(sum, x, k.constant(x.getType(), coefficient));
  return sum;
}

// exp(x) = 2^n exp(r), x = n ln 2 + r, |r| <= ln(2) / 2 (Cody and Waite 1980).
// exp(r) = 1 + r + r^2 p(r), to a relative error of 3e-9.
Value KernelBuilder::exp(Value x) {
  Type type = x.getType();
  Type words = mlir::isa<VectorType>(type) ? Type(vec(i32())) : i32();
  auto c = [&](double value) { return constant(type, value); };
  // The bound first: so NaN passes.
  Value low = c(-0x1.5d589ep6), high = c(0x1.62e42ep6);
  Value bounded = minF(high, maxF(low, x));
  // Adding 1.5 * 2^23 leaves n in the low bits of the sum.
  Value shift = c(0x1.8p23);
  Value shifted = fma(bounded, c(0x1.715476p0), shift);
  Value n = sub(shifted, shift);
  // ln 2 in two parts, the first so short that its product with n is exact.
  Value r = fma(n, c(-0x1.63p-1), bounded);
  r = fma(n, c(0x1.bd0106p-13), r);
  Value p = polynomial(*this, r,
                       {0x1.fffffcp-2, 0x1.55549p-3, 0x1.5558f4p-5,
                        0x1.123a6cp-7, 0x1.6a2352p-10});
  Value result = add(fma(mul(r, r), p, r), c(1));
  // The sum's high bits fall off.
  result = bitcast(
      add(bitcast(result, words), shl(bitcast(shifted, words), 23)), type);
  return select(ltF(x, low), c(0), result);
}

/// `magnitude` with the sign of `x`.
static Value withSign(KernelBuilder &k, Value magnitude, Value x) {
  Type type = x.getType();
  Type words = mlir::isa<VectorType>(type) ? Type(k.vec(k.i32())) : k.i32();
  Value sign = k.band(k.bitcast(x, words), k.constant(words, -2147483648.0));
  return k.bitcast(k.bor(k.bitcast(magnitude, words), sign), type);
}

// erfc(z) = exp(-z^2) t q(t), t = 1 / (1 + p z), to 1.5e-7 (Abramowitz and
// Stegun 1964, 7.1.26).
Value KernelBuilder::erfcOfMagnitude(Value x) {
  auto c = [&](double value) { return constant(x.getType(), value); };
  Value z = absF(x);
  Value t = fdiv(c(1), fma(z, c(0.3275911), c(1)));
  Value q = polynomial(
      *this, t,
      {0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429});
  return mul(mul(q, t), exp(negF(mul(z, z))));
}

// tanh(x) = x + x^3 p(x^2) to a relative error of 5e-9 for |x| < 0.625, where
// 1 - 2 / (exp(2 |x|) + 1) would cancel.
Value KernelBuilder::tanh(Value x) {
  auto c = [&](double value) { return constant(x.getType(), value); };
  Value square = mul(x, x);
  Value p = polynomial(*this, square,
                       {-0x1.55553p-2, 0x1.11068ep-3, -0x1.b82794p-5,
                        0x1.5199cap-6, -0x1.73575ap-8});
  Value small = fma(mul(x, square), p, x);
  Value z = absF(x);
  Value tail = fdiv(c(2), add(exp(add(z, z)), c(1)));
  Value large = withSign(*this, sub(c(1), tail), x);
  return select(ltF(z, c(0.625)), small, large);
}

// erf(x) = x p(x^2) to a relative error of 1e-9 for |x| < 1; from there on
// 1 - erfc(x), which is 0.84 and more.
Value KernelBuilder::erf(Value x) {
  auto c = [&](double value) { return constant(x.getType(), value); };
  Value p =
      polynomial(*this, mul(x, x),
                 {0x1.20dd74p+0, -0x1.81273ep-2, 0x1.ce2cf8p-4, -0x1.b7f90cp-6,
                  0x1.5405b2p-8, -0x1.a3f6fcp-11, 0x1.496a28p-14});
  Value large = withSign(*this, sub(c(1), erfcOfMagnitude(x)), x);
  return select(ltF(absF(x), c(1)), mul(x, p), large);
}

// log(x) = n ln 2 + log(1 + f), x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)
// (Cody and Waite 1980); log(1 + f) = f - f^2 / 2 + f^3 p(f) to a relative
// error of 1e-9.
Value KernelBuilder::log(Value x) {
  Type type = x.getType();
  Type words = mlir::isa<VectorType>(type) ? Type(vec(i32())) : i32();
  auto c = [&](double value) { return constant(type, value); };
  auto w = [&](double value) { return constant(words, value); };
  Value isSmall = ltF(x, c(0x1p-126));
  Value bits = bitcast(select(isSmall, mul(x, c(0x1p23)), x), words);
  // The exponent of x / sqrt(1/2), and what it leaves.
  Value shifted = sub(bits, w(0x3f3504f3));
  Value exponent = shrS(shifted, 23);
  Value f = sub(bitcast(sub(bits, shl(exponent, 23)), type), c(1));
  Value n = sitofp(sub(exponent, select(isSmall, w(23), w(0))), f32());
  Value p = polynomial(*this, f,
                       {0x1.555548p-2, -0x1.000006p-2, 0x1.99a4b6p-3,
                        -0x1.555c4ep-3, 0x1.233766p-3, -0x1.fc220ep-4,
                        0x1.e6f08cp-4, -0x1.de3bf8p-4, 0x1.14573ep-4});
  Value square = mul(f, f);
  // ln 2 in two parts, the first so short that its product with n is exact.
  Value low = fma(n, c(-0x1.bd0106p-13), mul(mul(f, square), p));
  Value result = add(fma(n, c(0x1.63p-1), f), fma(square, c(-0.5), low));
  // Zero, numbers below it; infinity and NaN are themselves.
  double infinity = std::numeric_limits<double>::infinity();
  Value isZero = ltF(absF(x), c(0x1p-149));
  result = select(isZero, c(-infinity), result);
  result =
      select(ltF(x, c(0)), c(std::numeric_limits<double>::quiet_NaN()), result);
  Value isFinite = ltF(x, c(infinity));
  return select(isFinite, result, x);
}
