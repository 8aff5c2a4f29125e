//===- Decode.cpp - codes to operands of instructions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Decode.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

Value TileCodes::get(KernelBuilder &k, unsigned plane, int64_t v) {
  const FragmentGeometry::Plane &p = g->planes[plane];
  SmallVector<Value> &loaded = words[plane];
  loaded.resize(p.width);
  if (loaded[v])
    return loaded[v];
  int64_t count = p.getVector(), first = v / count * count;
  Value at = k.at(tile, k.mulC(lane, 4 * count));
  at = k.at(at, k.c32(int32_t(p.offset + p.getWordOffset(0, first))));
  Value vector = k.load(k.vec(k.i32(), count), at, unsigned(4 * count));
  for (int64_t i = 0; i < count; ++i)
    loaded[first + i] = vector::ExtractOp::create(k.b, k.loc, vector, i);
  return loaded[v];
}

Decoder::Decoder(QTensorType weight)
    : spec(weight.getFormat().getDecodeSpec()) {}

/// The codes of word `w` of a lane, each from bit `bottom` of its cell up; the
/// other bits are zero.
Value Decoder::gather(KernelBuilder &k, const FragmentGeometry &g,
                      TileCodes &codes, int64_t w, int64_t bottom) const {
  int64_t cell = g.getCell();
  uint32_t repeat = cell == 8 ? 0x01010101u : 0x00010001u;
  Value word;
  for (auto [i, plane] : llvm::enumerate(g.planes)) {
    int64_t fields = cell / plane.width;
    Value field = codes.get(k, i, w / fields);
    int64_t from = w % fields * plane.width, to = bottom + plane.shift;
    field = to >= from ? k.shl(field, to - from) : k.shrU(field, from - to);
    if (plane.width < cell) {
      uint32_t mask = ((1u << plane.width) - 1) << to;
      field = k.band(field, k.c32(int32_t(mask * repeat)));
    }
    word = word ? k.bor(word, field) : field;
  }
  return word;
}

Value Decoder::decodeBytes(KernelBuilder &k, const FragmentGeometry &g,
                           TileCodes &codes, int64_t w) const {
  return gather(k, g, codes, w, 8 - spec.bits);
}

// 1024 in f16, whose last bit counts one: codes are ored into it.
static constexpr uint32_t kHalfBase = 0x64006400u;

float Decoder::getHalfFactor() const {
  if (spec.map != DecodeSpec::Map::MiniFloat || spec.bits == 16)
    return 1;
  return std::ldexp(1.0f, 16 - (1 << (spec.exponent - 1)));
}

/// Two codes of a small float, in the low bits of halves of a word: sign,
/// exponent and mantissa go where f16 has them, which is off by the difference
/// of the biases, subnormal numbers too.
Value Decoder::decodeFloats(KernelBuilder &k, Value word) const {
  if (spec.bits == 16 && spec.exponent == 5)
    return word;
  if (spec.bits == 16) {
    Value low = k.bitcast(k.shl(word, 16), k.f32());
    Value high = k.bitcast(k.band(word, k.c32(int32_t(0xffff0000u))), k.f32());
    return k.bitcast(k.truncF(k.pack({low, high}), k.f16()), k.i32());
  }
  uint32_t sign = 0x00010001u << (spec.bits - 1);
  uint32_t magnitude = sign - 0x00010001u;
  Value top = k.shl(k.band(word, k.c32(int32_t(sign))), 16 - spec.bits);
  Value rest =
      k.shl(k.band(word, k.c32(int32_t(magnitude))), 10 - spec.mantissa);
  return k.bor(top, rest);
}

Value Decoder::decodeHalves(KernelBuilder &k, const FragmentGeometry &g,
                            TileCodes &codes, int64_t w, Value offset) const {
  Value word = gather(k, g, codes, w, 0);
  if (spec.map == DecodeSpec::Map::MiniFloat)
    return decodeFloats(k, word);
  // The sign bit flips, which adds the excess.
  uint32_t flip = kHalfBase | uint32_t(getExcess()) * 0x00010001u;
  word = k.bxor(word, k.c32(int32_t(flip)));
  Value halves = k.sub(k.bitcast(word, k.vec(k.f16(), 2)), offset);
  return k.bitcast(halves, k.i32());
}

bool Decoder::canDecodeHalves(NumberFormat format) {
  DecodeSpec spec = format.getDecodeSpec();
  if (spec.map != DecodeSpec::Map::MiniFloat)
    return false;
  if (spec.bits == 16)
    return spec.special == FloatSpecial::IEEE &&
           (spec.exponent == 5 || spec.exponent == 8);
  // What has no infinities there would meet those of f16.
  unsigned most = spec.special == FloatSpecial::IEEE ? 5 : 4;
  return spec.bits <= 8 && spec.exponent <= most && spec.mantissa <= 10;
}

Value Decoder::getHalfOffset(KernelBuilder &k, Value zero) const {
  VectorType type = k.vec(k.f16(), 2);
  if (!zero)
    return k.constant(type, 1024 + double(getExcess()));
  zero = spec.isSigned ? k.sext(zero, k.i32()) : k.zext(zero, k.i32());
  Value half = k.addC(zero, int64_t(kHalfBase & 0xffff) + getExcess());
  return k.bitcast(k.mulC(half, 0x00010001), type);
}
