//===- BlockQuantizer.cpp - scales and codes of blocks -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "dialects/QNT/BlockLoops.h"
#include "qnt/Support/Half.h"

#include "llvm/ADT/STLExtras.h"

#include <bit>
#include <cmath>
#include <limits>

// As in BlockLoops.cpp: every operation rounds.
#pragma clang fp contract(off)

using namespace mlir;
using namespace qnt;
using llvm::ArrayRef;
using llvm::MutableArrayRef;

/// The least power of two that is at least `number`, of the normal ones.
static float roundUpToPower(float number) {
  auto bits = std::bit_cast<uint32_t>(number);
  return std::max(std::bit_cast<float>((bits + 0x7fffffu) & 0x7f800000u),
                  0x1p-126f);
}

float qnt::chooseRowScale(float largest) {
  // 448 is 1.75 * 2^8.
  largest = std::min(largest, std::numeric_limits<float>::max());
  return std::max(roundUpToPower(largest * 0x1p-8f / 1.75f), 0x1p-117f);
}

float qnt::roundScale(float scale, Type scaleType, float rowScale) {
  if (isa<Float8E8M0FNUType>(scaleType))
    return roundUpToPower(std::min(std::fabs(scale), 0x1p127f));
  if (isa<Float8E4M3FNType>(scaleType)) {
    NumberFormat e4m3 = parseFormat("e4m3", scaleType.getContext());
    float number = e4m3.decode(e4m3.encode(std::fabs(scale) / rowScale));
    return std::max(number, 0x1p-9f) * rowScale;
  }
  // The smallest positive number: subnormals of f16 are kept, as they are as
  // fast as other f16 numbers everywhere; those of the wide types are not, so
  // that no result depends on flush-to-zero modes.
  float least = scaleType.isF16() ? 0x1p-24f : 0x1p-126f;
  float most = scaleType.isF16()    ? 65504.0f
               : scaleType.isBF16() ? 0x1.fep127f
                                    : std::numeric_limits<float>::max();
  float magnitude = std::min(std::fabs(scale), most);
  if (scaleType.isF16())
    magnitude = support::f16ToFloat(support::floatToF16(magnitude));
  else if (scaleType.isBF16())
    magnitude = support::bf16ToFloat(support::floatToBf16(magnitude));
  return std::copysign(std::max(magnitude, least), scale);
}

BlockQuantizer::BlockQuantizer(QTensorType type)
    : format(type.getFormat()), scaleType(type.getScaleType()),
      zeroKind(type.getZeroKind()), scaled(type.hasScale()) {
  DecodeSpec spec = format.getDecodeSpec();
  bits = spec.bits;
  lowest = format.getMin();
  highest = format.getMax();
  if (spec.map == DecodeSpec::Map::Affine) {
    bool usual = spec.multiplier == 1 && spec.offset == 0 && bits <= 8;
    bool bipolar = bits == 1 && spec.multiplier == 2 && spec.offset == -1;
    path = usual ? Path::Integer : bipolar ? Path::Bipolar : Path::Generic;
    isSigned = spec.isSigned || bipolar;
  } else if (spec.map == DecodeSpec::Map::MiniFloat) {
    mantissa = spec.mantissa;
    bias = (1u << (spec.exponent - 1)) - 1;
    bool ieee8 = spec.exponent == 8 && spec.special == FloatSpecial::IEEE;
    if (spec.exponent < 8 && mantissa <= 22)
      path = Path::MiniFloat;
    else if (ieee8 && mantissa == 7)
      path = Path::BFloat16;
    else if (ieee8 && mantissa == 23)
      path = Path::Float32;
  }
}

BlockParams BlockQuantizer::fit(float low, float high) const {
  BlockParams params;
  if (zeroKind == ZeroKind::None) {
    params.scale =
        roundScale(std::max(-low, high) / highest, scaleType, rowScale);
    return params;
  }
  params.scale = roundScale((high - low) / (highest - lowest), scaleType);
  if (hasOffset()) {
    params.zero = params.scale * lowest - low;
    return params;
  }
  float zero = lowest - std::nearbyint(low / params.scale);
  params.zero = std::min(std::max(zero, lowest), highest);
  return params;
}

BlockQuantizer BlockQuantizer::ofRow(ArrayRef<float> row) const {
  BlockQuantizer quantizer = *this;
  if (!isa_and_present<Float8E4M3FNType>(scaleType) || row.empty())
    return quantizer;
  loops::Range range = loops::rangeOf(row);
  if (range.low != 0 || range.high != 0)
    quantizer.rowScale =
        chooseRowScale(std::max(-range.low, range.high) / highest);
  return quantizer;
}

BlockParams BlockQuantizer::chooseScale(ClipMethod clip,
                                        ArrayRef<float> block) const {
  switch (clip) {
  case ClipMethod::AbsMax:
    return chooseScale(block, nullptr);
  case ClipMethod::MSE:
    return chooseScale(
        block, [&](BlockParams params) { return squaredError(params, block); });
  case ClipMethod::HQQ:
    return chooseHalfQuadratic(block);
  case ClipMethod::AbsMean:
    return chooseMean(block);
  case ClipMethod::Output:
    break;
  }
  llvm_unreachable("the error of outputs is for the caller to say");
}

BlockParams BlockQuantizer::chooseScale(
    ArrayRef<float> block,
    llvm::function_ref<double(BlockParams)> getError) const {
  if (!scaled)
    return {};
  loops::Range range = loops::rangeOf(block);
  if (range.low == 0 && range.high == 0 && isa<Float8E4M3FNType>(scaleType))
    return fit(0, 0);
  if (range.low == 0 && range.high == 0)
    return {1.0f, zeroKind == ZeroKind::None ? 0.0f : lowest};
  BlockParams best = fit(range.low, range.high);
  if (!getError)
    return best;
  double least = getError(best);
  auto consider = [&](BlockParams candidate) {
    if (candidate.scale == best.scale && candidate.zero == best.zero)
      return;
    double error = getError(candidate);
    if (error < least) {
      least = error;
      best = candidate;
    }
  };
  for (int percent = 98; percent >= 40; percent -= 2) {
    float factor = float(percent) / 100.0f;
    consider(fit(range.low * factor, range.high * factor));
  }
  // Scales of 8 bits have no sign.
  bool mayBeNegative =
      scaleType.isF16() || scaleType.isBF16() || scaleType.isF32();
  if (isSigned && zeroKind == ZeroKind::None && lowest < 0 && mayBeNegative) {
    // The value of largest magnitude, negative of two equals.
    float extreme = -range.low >= range.high ? range.low : range.high;
    consider({roundScale(extreme / lowest, scaleType), 0.0f});
  }
  return best;
}

/// Ma et al. (2024).
BlockParams BlockQuantizer::chooseMean(ArrayRef<float> block) const {
  double sum = 0;
  int64_t count = 0;
  for (float x : block)
    if (!std::isnan(x)) {
      sum += std::fabs(x);
      ++count;
    }
  if (sum == 0)
    return {};
  return {roundScale(float(sum / double(count)), scaleType), 0};
}

/// Badri and Shaji (2023), with their constants: p = 0.7, beta from 10 by 1.01.
BlockParams BlockQuantizer::chooseHalfQuadratic(ArrayRef<float> block) const {
  constexpr double power = 0.7;
  BlockParams best = chooseScale(block, nullptr), params = best;
  std::vector<uint32_t> codes(block.size());
  std::vector<float> decoded(block.size());
  double least = std::numeric_limits<double>::infinity(), beta = 10;
  for (int round = 0; round < 20; ++round, beta *= 1.01) {
    encode(params, block, codes);
    decode(params, codes, decoded);
    double total = 0, offset = 0;
    int64_t count = 0;
    for (auto [x, y, code] : llvm::zip_equal(block, decoded, codes)) {
      if (std::isnan(x))
        continue;
      double error = double(x) - y, size = std::fabs(error);
      total += size;
      double kept = std::max(size - std::pow(size, power - 1) / beta, 0.0);
      if (size == 0)
        kept = 0;
      // The offset that leaves this element the shrunken error.
      offset += double(params.scale) * format.decode(code) -
                (double(x) - std::copysign(kept, error));
      ++count;
    }
    if (count == 0 || !(total < least))
      break;
    least = total;
    best = params;
    params.zero = float(offset / double(count));
  }
  return best;
}

loops::IntegerMap BlockQuantizer::integerMap(BlockParams params) const {
  float zero = hasOffset() ? 0.0f : params.zero;
  return {params.scale, zero, params.zero - zero, lowest, highest};
}

void BlockQuantizer::encode(BlockParams params, ArrayRef<float> in,
                            MutableArrayRef<uint32_t> codes) const {
  switch (path) {
  case Path::Integer:
    return loops::encodeInteger(integerMap(params), bits, in, codes);
  case Path::Bipolar:
    for (auto [x, code] : llvm::zip_equal(in, codes))
      code =
          std::isnan(x) || (hasOffset() ? (x + params.zero) / params.scale
                                        : x / params.scale + params.zero) >= 0;
    return;
  case Path::MiniFloat: {
    // Formats without NaN have no sign for it either.
    float quiet = std::numeric_limits<float>::quiet_NaN();
    uint32_t nan = format.encode(quiet), minusNan = format.encode(-quiet);
    return loops::encodeMiniFloat({params.scale, mantissa, bias, highest}, bits,
                                  nan, minusNan, in, codes);
  }
  case Path::BFloat16:
  case Path::Float32:
    return loops::encodeWide(path == Path::BFloat16, params.scale, highest, in,
                             codes);
  case Path::Generic:
    for (auto [x, code] : llvm::zip_equal(in, codes))
      code = format.encode(x / params.scale);
    return;
  }
  llvm_unreachable("unknown path");
}

void BlockQuantizer::decode(BlockParams params, ArrayRef<uint32_t> codes,
                            MutableArrayRef<float> out) const {
  if (path == Path::Integer)
    return loops::decodeInteger(integerMap(params), bits, isSigned, codes, out);
  auto decodeOne = [&](uint32_t code) {
    float number = format.decode(code);
    return hasOffset() ? params.scale * number - params.zero
                       : params.scale * (number - params.zero);
  };
  if (bits > 8 || codes.size() < 512) {
    for (auto [code, value] : llvm::zip_equal(codes, out))
      value = decodeOne(code);
    return;
  }
  float table[256];
  for (uint32_t code = 0; code < (1u << bits); ++code)
    table[code] = decodeOne(code);
  for (auto [code, value] : llvm::zip_equal(codes, out))
    value = table[code & ((1u << bits) - 1)];
}

double BlockQuantizer::squaredError(BlockParams params,
                                    ArrayRef<float> block) const {
  if (path == Path::Integer)
    return loops::errorInteger(integerMap(params), block);
  if (path == Path::MiniFloat)
    return loops::errorMiniFloat({params.scale, mantissa, bias, highest},
                                 block);
  double sum = 0;
  for (float x : block) {
    if (std::isnan(x))
      continue;
    uint32_t code;
    encode(params, x, code);
    double number = path == Path::Bipolar ? (code ? 1.0 : -1.0)
                                          : double(format.decode(code));
    double error = hasOffset() ? x + double(params.zero) - params.scale * number
                               : x - params.scale * (number - params.zero);
    sum += error * error;
  }
  return sum;
}

BlockParams qnt::chooseScale(QTensorType type, ClipMethod clip,
                             ArrayRef<float> block) {
  return BlockQuantizer(type).chooseScale(clip, block);
}

void qnt::encodeBlock(QTensorType type, BlockParams params, ArrayRef<float> in,
                      MutableArrayRef<uint32_t> codes) {
  BlockQuantizer(type).encode(params, in, codes);
}

void qnt::quantizeRows(QTensorType type, ClipMethod clip, ArrayRef<float> in,
                       int64_t rows, MutableArrayRef<uint32_t> codes,
                       MutableArrayRef<float> scales,
                       MutableArrayRef<float> zeros) {
  if (rows == 0)
    return;
  BlockQuantizer any(type);
  size_t length = in.size() / rows, group = length;
  if (type.getBlock().getKind() == BlockKind::Group)
    group = type.getBlock().getGroup();
  size_t block = 0;
  for (int64_t row = 0; row < rows; ++row) {
    BlockQuantizer quantizer = any.ofRow(in.slice(row * length, length));
    for (size_t first = 0; first < length; first += group, ++block) {
      size_t count = std::min(group, length - first);
      ArrayRef<float> values = in.slice(row * length + first, count);
      BlockParams params = quantizer.chooseScale(clip, values);
      SmallVector<float> clamped;
      if (clip == ClipMethod::AbsMean) {
        for (float x : values)
          clamped.push_back(std::clamp(x, -params.scale, params.scale));
        values = clamped;
      }
      quantizer.encode(params, values,
                       codes.slice(row * length + first, count));
      if (type.hasScale())
        scales[block] = params.scale;
      if (type.hasZeros())
        zeros[block] = params.zero;
    }
  }
}
