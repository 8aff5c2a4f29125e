//===- BlockLoops.cpp - inner loops of BlockQuantizer -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/QNT/BlockLoops.h"

#include "qnt/Support/Half.h"

#include <bit>
#include <cmath>

// A fused multiply-add rounds once where two operations round twice: without
// this the instruction sets would disagree.
#pragma clang fp contract(off)

#if defined(__x86_64__) && defined(__clang__)
#define QNT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define QNT_CLONES
#endif

using llvm::ArrayRef;
using llvm::MutableArrayRef;
using namespace qnt::loops;

namespace {
/// Errors are summed in this many lanes, element i in lane i % lanes, then by
/// halves: one order, however wide the vectors are.
constexpr size_t lanes = 16;

inline double sumOf(double (&sums)[lanes]) {
  for (size_t half = lanes / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane)
      sums[lane] += sums[lane + half];
  return sums[0];
}

inline float clamped(float value, float low, float high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}

/// Adding this leaves an integer of up to 22 bits in the low bits of the sum,
/// rounded to nearest even.
constexpr float integerShift = 0x1.8p23f;

/// Rounding comes after clamping to integer bounds, which gives the same.
struct IntegerBounds {
  explicit IntegerBounds(IntegerMap map)
      : low(map.lowest - map.zero), high(map.highest - map.zero) {}
  float low, high;
};

/// A minifloat's rounding in f32: adding and taking away the power of two whose
/// unit in the last place is the spacing of the format there.
struct MiniFloatRounding {
  explicit MiniFloatRounding(MiniFloatMap map)
      : shift((23 - map.mantissa) << 23), least((128 - map.bias) << 23),
        highest(map.highest) {}
  float operator()(float magnitude) const {
    magnitude = magnitude > highest ? highest : magnitude;
    uint32_t exponent = std::bit_cast<uint32_t>(magnitude) & 0x7f800000u;
    exponent = exponent < least ? least : exponent;
    float spacing = std::bit_cast<float>(exponent + shift);
    return (magnitude + spacing) - spacing;
  }
  uint32_t shift, least;
  float highest;
};
} // namespace

QNT_CLONES Range qnt::loops::rangeOf(ArrayRef<float> block) {
  float low[lanes] = {}, high[lanes] = {};
  const float *x = block.data();
  size_t n = block.size(), whole = n / lanes * lanes;
  for (size_t i = 0; i < whole; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) {
      float value = x[i + lane];
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  Range range;
  for (size_t i = whole; i < n; ++i) {
    range.low = x[i] < range.low ? x[i] : range.low;
    range.high = x[i] > range.high ? x[i] : range.high;
  }
  for (size_t lane = 0; lane < lanes; ++lane) {
    range.low = low[lane] < range.low ? low[lane] : range.low;
    range.high = high[lane] > range.high ? high[lane] : range.high;
  }
  return range;
}

QNT_CLONES void qnt::loops::encodeInteger(IntegerMap map, unsigned bits,
                                          ArrayRef<float> in,
                                          MutableArrayRef<uint32_t> codes) {
  IntegerBounds bounds(map);
  uint32_t mask = (1u << bits) - 1;
  uint32_t offset =
      uint32_t(int32_t(map.zero)) - std::bit_cast<uint32_t>(integerShift);
  const float *x = in.data();
  uint32_t *code = codes.data();
  for (size_t i = 0, n = in.size(); i < n; ++i) {
    float value = x[i] == x[i] ? x[i] : 0.0f;
    float q =
        clamped((value + map.offset) / map.scale, bounds.low, bounds.high);
    code[i] = (std::bit_cast<uint32_t>(q + integerShift) + offset) & mask;
  }
}

QNT_CLONES void qnt::loops::decodeInteger(IntegerMap map, unsigned bits,
                                          bool isSigned,
                                          ArrayRef<uint32_t> codes,
                                          MutableArrayRef<float> out) {
  uint32_t mask = (1u << bits) - 1;
  int32_t sign = isSigned ? 1 << (bits - 1) : 0;
  const uint32_t *code = codes.data();
  float *y = out.data();
  for (size_t i = 0, n = codes.size(); i < n; ++i) {
    int32_t number = (int32_t(code[i] & mask) ^ sign) - sign;
    y[i] = map.scale * (float(number) - map.zero) - map.offset;
  }
}

QNT_CLONES double qnt::loops::errorInteger(IntegerMap map,
                                           ArrayRef<float> block) {
  IntegerBounds bounds(map);
  double sums[lanes] = {};
  auto add = [&](float x, double &sum) __attribute__((always_inline)) {
    float value = x == x ? x : 0.0f;
    float q =
        clamped((value + map.offset) / map.scale, bounds.low, bounds.high);
    float rounded = (q + integerShift) - integerShift;
    double error = double(value) + double(map.offset) -
                   double(map.scale) * double(rounded);
    sum += x == x ? error * error : 0.0;
  };
  const float *x = block.data();
  size_t n = block.size(), whole = n / lanes * lanes;
  for (size_t i = 0; i < whole; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane)
      add(x[i + lane], sums[lane]);
  for (size_t i = whole; i < n; ++i)
    add(x[i], sums[i - whole]);
  return sumOf(sums);
}

QNT_CLONES void qnt::loops::encodeMiniFloat(MiniFloatMap map, unsigned bits,
                                            uint32_t nan, uint32_t minusNan,
                                            ArrayRef<float> in,
                                            MutableArrayRef<uint32_t> codes) {
  MiniFloatRounding round(map);
  uint32_t rebias = (127 - map.bias) << map.mantissa;
  float normal = std::bit_cast<float>(round.least);
  // Turns subnormals into their code, an integer.
  float units = std::ldexp(1.0f, int(map.mantissa + map.bias) - 1);
  const float *x = in.data();
  uint32_t *code = codes.data();
  for (size_t i = 0, n = in.size(); i < n; ++i) {
    float q = x[i] / map.scale;
    uint32_t word = std::bit_cast<uint32_t>(q);
    float r = round(std::bit_cast<float>(word & 0x7fffffffu));
    uint32_t large =
        (std::bit_cast<uint32_t>(r) >> (23 - map.mantissa)) - rebias;
    auto small = uint32_t(int32_t((r < normal ? r : 0.0f) * units));
    uint32_t magnitude = r < normal ? small : large;
    uint32_t number = magnitude | (word >> 31) << (bits - 1);
    uint32_t special = word >> 31 ? minusNan : nan;
    code[i] = q == q ? number : special;
  }
}

QNT_CLONES double qnt::loops::errorMiniFloat(MiniFloatMap map,
                                             ArrayRef<float> block) {
  MiniFloatRounding round(map);
  double sums[lanes] = {};
  auto add = [&](float x, double &sum) __attribute__((always_inline)) {
    float value = x == x ? x : 0.0f;
    float rounded =
        std::copysign(round(std::fabs(value / map.scale)), value / map.scale);
    double error = double(value) - double(map.scale) * double(rounded);
    sum += x == x ? error * error : 0.0;
  };
  const float *x = block.data();
  size_t n = block.size(), whole = n / lanes * lanes;
  for (size_t i = 0; i < whole; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane)
      add(x[i + lane], sums[lane]);
  for (size_t i = whole; i < n; ++i)
    add(x[i], sums[i - whole]);
  return sumOf(sums);
}

QNT_CLONES void qnt::loops::encodeWide(bool bf16, float scale, float highest,
                                       ArrayRef<float> in,
                                       MutableArrayRef<uint32_t> codes) {
  const float *x = in.data();
  uint32_t *code = codes.data();
  for (size_t i = 0, n = in.size(); i < n; ++i) {
    float q = x[i] / scale;
    float value = clamped(q, -highest, highest);
    uint32_t word = std::bit_cast<uint32_t>(value);
    uint32_t nan = (word & 0x80000000u) | 0x7fc00000u;
    word = q == q ? word : nan;
    code[i] = bf16 ? support::floatToBf16(std::bit_cast<float>(word)) : word;
  }
}
