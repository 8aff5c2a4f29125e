//===- MatrixOperand.cpp - matrices in shared memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MatrixOperand.h"

#include "qnt/Support/Half.h"

#include <cmath>
#include <cstring>

using namespace qnt;
using namespace qnt::emu;

/// A float of 8 bits by the definition of its fields.
static float decodeByte(uint8_t code, int exponentBits, bool hasInfinity) {
  int mantissaBits = 7 - exponentBits, bias = (1 << (exponentBits - 1)) - 1;
  int exponent = code >> mantissaBits & ((1 << exponentBits) - 1);
  int mantissa = code & ((1 << mantissaBits) - 1);
  bool isTop = exponent == (1 << exponentBits) - 1;
  float magnitude = 0;
  if (isTop && hasInfinity)
    magnitude = mantissa ? NAN : INFINITY;
  else if (isTop && mantissa == (1 << mantissaBits) - 1)
    magnitude = NAN;
  else if (exponent)
    magnitude = std::ldexp(float(mantissa + (1 << mantissaBits)),
                           exponent - bias - mantissaBits);
  else
    magnitude = std::ldexp(float(mantissa), 1 - bias - mantissaBits);
  return code & 0x80 ? -magnitude : magnitude;
}

static float decodeNibble(uint8_t code) {
  constexpr float magnitudes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  return code & 8 ? -magnitudes[code & 7] : magnitudes[code & 7];
}

double qnt::emu::decodeScale(uint8_t byte, bool isPower) {
  if (!isPower)
    return decodeByte(byte & 0x7f, 4, /*hasInfinity=*/false);
  return byte == 255 ? NAN : std::ldexp(1.0, int(byte) - 127);
}

float qnt::emu::decode(qgpu::Element element, const char *from, size_t index) {
  size_t bit = index * size_t(qgpu::getBits(element));
  uint8_t byte;
  uint16_t half;
  std::memcpy(&byte, from + bit / 8, 1);
  switch (element) {
  case qgpu::Element::E2M1:
    return decodeNibble(byte >> bit % 8 & 15);
  case qgpu::Element::S8:
    return float(int8_t(byte));
  case qgpu::Element::U8:
    return float(byte);
  case qgpu::Element::E4M3:
    return decodeByte(byte, 4, /*hasInfinity=*/false);
  case qgpu::Element::E5M2:
    return decodeByte(byte, 5, /*hasInfinity=*/true);
  case qgpu::Element::F16:
    std::memcpy(&half, from + bit / 8, 2);
    return support::f16ToFloat(half);
  case qgpu::Element::BF16:
    std::memcpy(&half, from + bit / 8, 2);
    return support::bf16ToFloat(half);
  }
  llvm_unreachable("unknown element");
}

std::string SwizzledMatrix::load(Execution &execution, size_t i,
                                 Shadow::Epoch by,
                                 std::vector<float> &matrix) const {
  ThreadBlock &block = execution.block;
  constexpr uint64_t mask = (1 << 18) - 1;
  auto base = reinterpret_cast<uint64_t>(block.getShared()) & mask;
  size_t bits = size_t(qgpu::getBits(element)), inputs = 8 * kStepBytes / bits;
  matrix.resize(columns * inputs);
  for (unsigned column = 0; column < columns; ++column)
    for (uint64_t part = 0; part < kStepBytes; part += 16) {
      uint64_t at =
          address + column / 8 * stride + column % 8 * rowBytes + part;
      // Bits from 4 on of an address are exchanged by those from 7 on: three of
      // rows of 128 bytes, two of rows of 64.
      at ^= (at >> 7 & (rowBytes / 16 - 1)) << 4;
      uint64_t offset = (at - base) & mask;
      const char *from = block.getShared() + offset;
      if (!block.isShared(from) || !block.isShared(from + 15))
        return "reads outside of shared memory";
      std::string error =
          block.shadow.read(execution.lane(i).clock, by, offset, 16);
      if (!error.empty())
        return error;
      for (size_t e = 0; e < 128 / bits; ++e)
        matrix[column * inputs + 8 * part / bits + e] =
            decode(element, from, e);
    }
  return {};
}
