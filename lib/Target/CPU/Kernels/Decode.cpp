//===- Decode.cpp - codes to numbers in registers ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Decode.h"

#include "qnt/Dialect/QNT/IntegerForm.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

std::optional<SmallIntegers> SmallIntegers::of(QTensorType weight) {
  constexpr unsigned tableBits = 4;
  NumberFormat format = weight.getFormat();
  auto form = getIntegerForm(format);
  // Stored bytes, all positive, stay below 128.
  if (!form || weight.isInteger() || weight.hasZeros() || form->bits > 7 ||
      format.getBits() > tableBits)
    return std::nullopt;
  SmallIntegers found{form->getUnit(), int64_t(1) << (form->bits - 1), {}};
  for (uint32_t code = 0; code < 1u << tableBits; ++code) {
    float number = format.decode(code & ((1u << format.getBits()) - 1));
    if (!std::isfinite(number))
      return std::nullopt;
    found.bytes.push_back(
        uint8_t(form->getInteger(number) + double(found.excess)));
  }
  return found;
}

Decoder::Decoder(QTensorType weight)
    : spec(weight.getFormat().getDecodeSpec()),
      integers(SmallIntegers::of(weight)), zeroKind(weight.getZeroKind()) {
  // Signed codes below 8 bits are stored in excess representation.
  offset = spec.offset;
  if (spec.map == DecodeSpec::Map::Affine && spec.isSigned && spec.bits < 8)
    offset -= int64_t(spec.multiplier) << (spec.bits - 1);
  if (integers)
    offset = -integers->excess;
  hasSignedZeros =
      weight.getFormat().getMin() < 0 && (isStoredSigned() || !spec.isSigned);
}

SmallVector<Value> Decoder::loadWords(KernelBuilder &k,
                                      const PanelGeometry &panels,
                                      Value codes) const {
  SmallVector<Value> words;
  for (const PanelGeometry::Plane &plane : panels.planes)
    for (int64_t v = 0; v < plane.vectors; ++v)
      words.push_back(
          k.load(k.vec(k.i32()), k.at(codes, plane.offset + v * 4 * kLanes)));
  return words;
}

/// The codes of a quad, assembled from their planes. Each plane's field is
/// shifted down by `shift` more bits and masked with its width repeated in the
/// bytes named by `repeat`.
Value Decoder::fieldOf(KernelBuilder &k, const PanelGeometry &panels,
                       ArrayRef<Value> words, int64_t quad, int64_t shift,
                       uint32_t repeat) const {
  Value code;
  int64_t firstWord = 0;
  for (const PanelGeometry::Plane &plane : panels.planes) {
    int64_t fields = 8 / plane.width;
    Value word = words[firstWord + quad / fields];
    firstWord += plane.vectors;
    Value field = k.shrU(word, shift + quad % fields * plane.width);
    uint32_t mask = ((1u << plane.width) - 1) * repeat;
    if (mask != ~0u)
      field = k.band(field, k.constant(word.getType(), int32_t(mask)));
    field = k.shl(field, plane.shift);
    code = code ? k.bor(code, field) : field;
  }
  return code;
}

Value Decoder::decodeBytes(KernelBuilder &k, const PanelGeometry &panels,
                           ArrayRef<Value> words, int64_t quad) const {
  Value codes = fieldOf(k, panels, words, quad, 0, 0x01010101);
  return integers ? k.lookUpBytes(codes, integers->bytes) : codes;
}

bool Decoder::hasNarrowNumbers() const {
  // 2 * 255 * 64 is below 2^15.
  return spec.bits < 7 || (spec.bits == 7 && spec.isSigned);
}

unsigned Decoder::getSignedShift(const ISA &isa) const {
  // Elsewhere the sum of two products must fit 16 bits.
  return spec.bits == 4 && spec.isSigned && isa.hasExactDot() ? 4 : 0;
}

Value Decoder::decodeSigned(KernelBuilder &k, const PanelGeometry &panels,
                            ArrayRef<Value> words, int64_t quad) const {
  Type type = words.front().getType();
  auto repeat = [&](uint32_t byte) {
    return k.constant(type, int32_t(byte * 0x01010101u));
  };
  if (spec.bits == 8)
    return getSignedExcess() ? k.bxor(words[quad], repeat(0x80)) : words[quad];
  if (getSignedShift(k.isa)) {
    // Excess codes differ from two's complement in the sign bit.
    Value word = words[quad / 2];
    if (quad % 2 == 0)
      word = k.shl(word, 4);
    return k.bxor(k.band(word, repeat(0xf0)), repeat(0x80));
  }
  Value bytes = fieldOf(k, panels, words, quad, 0, 0x01010101);
  // Of one bit the product stays within its byte.
  if (spec.multiplier != 1)
    bytes = k.mul(bytes, k.constant(type, spec.multiplier));
  if (offset == 0)
    return bytes;
  VectorType lanes = k.vec(k.i8(), 4 * kLanes);
  Value shift = k.constant(lanes, double(offset));
  return k.bitcast(k.add(k.bitcast(bytes, lanes), shift), type);
}

Value Decoder::loadByteWord(KernelBuilder &k, Value codes) const {
  Value bytes = k.load(k.vec(k.i8()), codes);
  return spec.isSigned ? k.sext(bytes, k.i32()) : k.zext(bytes, k.i32());
}

Value Decoder::decodeWord(KernelBuilder &k, Value codes, Value zero) const {
  if (spec.bits > 8)
    return decodeWide(k, codes);
  Value number = k.sitofp(loadByteWord(k, codes), k.f32());
  return zero ? k.sub(number, zero) : number;
}

Value Decoder::decodeLane(KernelBuilder &k, const PanelGeometry &panels,
                          ArrayRef<Value> words, int64_t i, Value scale,
                          Value zero) const {
  int64_t quad = i / 4, byte = i % 4;
  Value number;
  if (spec.map == DecodeSpec::Map::Affine) {
    Value code = isStoredSigned()
                     ? k.shrS(k.shl(words[quad], 24 - 8 * byte), 24)
                     : fieldOf(k, panels, words, quad, 8 * byte, 1);
    number = k.sitofp(code, k.f32());
    int64_t shiftBy = getOffset();
    if (hasOffsets()) {
      Value factor = k.constant(number.getType(), spec.multiplier);
      Value shift = k.constant(number.getType(), double(shiftBy));
      return k.fma(number, k.mul(scale, factor),
                   k.sub(k.mul(scale, shift), zero));
    }
    if (shiftBy || spec.multiplier != 1) {
      Value factor = k.constant(number.getType(), spec.multiplier);
      Value shift = k.constant(number.getType(), double(shiftBy));
      if (scale && !zero)
        return k.fma(number, k.mul(scale, factor), k.mul(scale, shift));
      number = k.fma(number, factor, shift);
    }
    if (zero)
      number = k.sub(number, zero);
  } else {
    Value code = fieldOf(k, panels, words, quad, 8 * byte, 1);
    number = spec.map == DecodeSpec::Map::MiniFloat ? decodeMiniFloat(k, code)
                                                    : decodeTable(k, code);
  }
  return scale ? k.mul(number, scale) : number;
}

Value Decoder::decodeMiniFloat(KernelBuilder &k, Value code) const {
  Type words = code.getType();
  VectorType lanes = k.vec(k.f32());
  unsigned magnitudeBits = spec.exponent + spec.mantissa;
  int bias = (1 << (spec.exponent - 1)) - 1;
  uint32_t all = (1u << magnitudeBits) - 1;
  Value magnitude = k.band(code, k.constant(words, all));
  Value sign = k.shl(k.shrU(code, magnitudeBits), 31);
  // Normal numbers: the fields moved into place, the exponent rebased.
  Value moved = k.add(k.shl(magnitude, 23 - spec.mantissa),
                      k.constant(words, double((127 - bias) << 23)));
  Value number = k.bitcast(moved, lanes);
  // Subnormal ones: an integer times the smallest spacing.
  Value small =
      k.mul(k.sitofp(magnitude, k.f32()),
            k.constant(lanes, std::ldexp(1.0, 1 - bias - int(spec.mantissa))));
  Value isNormal =
      k.geS(magnitude, k.constant(words, double(1u << spec.mantissa)));
  number = k.select(isNormal, number, small);
  if (spec.special != FloatSpecial::Finite) {
    // NaN, and infinities where the mantissa is zero.
    uint32_t first = spec.special == FloatSpecial::FN
                         ? all
                         : all - ((1u << spec.mantissa) - 1);
    Value nan = k.constant(lanes, std::nan(""));
    if (spec.special == FloatSpecial::IEEE)
      nan = k.select(k.eq(magnitude, k.constant(words, first)),
                     k.constant(lanes, HUGE_VAL), nan);
    number = k.select(k.geS(magnitude, k.constant(words, first)), nan, number);
  }
  return k.bitcast(k.bor(k.bitcast(number, words), sign), lanes);
}

/// Tables of up to 16 numbers: one permutation where the machine has it, else a
/// tree of selections by the bits of the code.
Value Decoder::decodeTable(KernelBuilder &k, Value code) const {
  VectorType lanes = k.vec(k.f32());
  SmallVector<float> table(spec.table);
  table.resize(16, 0);
  if (k.isa.dot == ISA::Dot::VNNI512) {
    Value numbers = k.table(table);
    return LLVM::CallIntrinsicOp::create(
               k.b, k.loc, lanes,
               k.b.getStringAttr("llvm.x86.avx512.permvar.sf.512"),
               ValueRange{numbers, code})
        .getResults();
  }
  SmallVector<Value> values;
  for (float number : table)
    values.push_back(k.constant(lanes, number));
  return k.selectByCode(code, values);
}

Value Decoder::decodeWide(KernelBuilder &k, Value codes) const {
  Type element = spec.bits == 32      ? k.f32()
                 : spec.exponent == 8 ? k.bf16()
                                      : k.f16();
  return k.loadAsF32(element, codes);
}

Value Decoder::loadZero(KernelBuilder &k, Value zeros, bool words) const {
  if (hasOffsets())
    return k.load(k.vec(k.f32()), zeros, 4);
  return k.sitofp(
      loadIntegerZero(k, zeros, hasSignedZeros || (words && spec.isSigned)),
      k.f32());
}

Value Decoder::loadIntegerZero(KernelBuilder &k, Value zeros,
                               bool isSigned) const {
  Value bytes = k.load(k.vec(k.i8()), zeros);
  return isSigned ? k.sext(bytes, k.i32()) : k.zext(bytes, k.i32());
}

Value Decoder::loadWordZero(KernelBuilder &k, Value zeros) const {
  return loadIntegerZero(k, zeros, spec.isSigned);
}

Value Decoder::loadSignedZero(KernelBuilder &k, Value zeros) const {
  VectorType lanes = k.vec(k.i32());
  if (!zeros)
    return k.constant(lanes, double(-getSignedExcess()));
  Value number = loadIntegerZero(k, zeros, hasSignedZeros);
  // Of stored codes with an excess, the numbers are smaller by `offset`.
  int64_t shift = offset - getSignedExcess();
  return shift ? k.add(number, k.constant(lanes, double(shift))) : number;
}
