//===- Half.h - 16- and 8-bit floats to and from f32 ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Written without branches, so that loops over these functions vectorise on
// every target. No result depends on an f32 subnormal, hence none on the
// processor's flush-to-zero modes.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_HALF_H
#define QNT_SUPPORT_HALF_H

#include <bit>
#include <cstdint>

namespace qnt::support {

/// IEEE 754 binary16 to f32, exact. NaNs stay NaNs.
constexpr float f16ToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000u) << 16;
  uint32_t magnitude = uint32_t(half & 0x7fffu) << 13;
  // The exponent moves from bias 15 to bias 127; infinities and NaNs move on
  // to the largest exponent.
  uint32_t normal = magnitude + (112u << 23);
  normal += magnitude >= (31u << 23) ? 112u << 23 : 0u;
  // 2^-14 * 1.m - 2^-14: the subnormal m, normalised by the subtraction.
  float small = std::bit_cast<float>(magnitude + (113u << 23)) -
                std::bit_cast<float>(113u << 23);
  uint32_t bits =
      magnitude < (1u << 23) ? std::bit_cast<uint32_t>(small) : normal;
  return std::bit_cast<float>(bits | sign);
}

/// f32 to IEEE 754 binary16, to nearest, ties to even. Overflows to infinity;
/// NaNs become quiet NaNs.
constexpr uint16_t floatToF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t odd = (magnitude >> 13) & 1u;
  uint32_t normal = (magnitude - (112u << 23) + 0xfffu + odd) >> 13;
  // Below 2^-14: adding 0.5, whose unit in the last place is f16's smallest
  // subnormal, rounds and leaves the result in the low bits.
  uint32_t tiny = magnitude < (113u << 23) ? magnitude : 0u;
  uint32_t small = std::bit_cast<uint32_t>(std::bit_cast<float>(tiny) + 0.5f) -
                   std::bit_cast<uint32_t>(0.5f);
  uint32_t result = magnitude < (113u << 23) ? small : normal;
  result = magnitude >= (143u << 23) ? 0x7c00u : result;
  result = magnitude > 0x7f800000u ? 0x7e00u : result;
  return uint16_t(result | sign);
}

/// bfloat16 to f32, exact.
constexpr float bf16ToFloat(uint16_t bf16) {
  return std::bit_cast<float>(uint32_t(bf16) << 16);
}

/// f32 to bfloat16, to nearest, ties to even. Overflows to infinity; NaNs
/// become quiet NaNs.
constexpr uint16_t floatToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  uint32_t nan = ((bits >> 16) & 0x8000u) | 0x7fc0u;
  return uint16_t((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

/// OCP 8-bit float E5M2 to f32, exact: the upper half of a binary16.
constexpr float f8e5m2ToFloat(uint8_t code) {
  return f16ToFloat(uint16_t(code << 8));
}

/// OCP 8-bit float E4M3 to f32, exact: no infinities, 0x7f and 0xff are NaN,
/// the largest magnitude is 448.
constexpr float f8e4m3ToFloat(uint8_t code) {
  // Bias 7 against binary16's 15: placed in its fields, the value is 2^-8 too
  // small.
  uint16_t half = uint16_t((code & 0x80u) << 8 | (code & 0x7fu) << 7);
  float nan = std::bit_cast<float>(uint32_t(code & 0x80u) << 24 | 0x7fc00000u);
  return (code & 0x7fu) == 0x7fu ? nan : f16ToFloat(half) * 256.0f;
}

} // namespace qnt::support

#endif // QNT_SUPPORT_HALF_H
