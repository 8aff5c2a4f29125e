//===- BlockLoops.h - inner loops of BlockQuantizer -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Straight loops over f32 values, compiled for several instruction sets; all
// give the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_BLOCKLOOPS_H
#define QNT_DIALECTS_QNT_BLOCKLOOPS_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace qnt::loops {

/// Smallest and largest value of a block and of 0; NaNs do not count.
struct Range {
  float low = 0, high = 0;
};
Range rangeOf(llvm::ArrayRef<float> block);

/// x -> clamp(round((x + offset) / scale) + zero, lowest, highest), of which
/// zero or offset is 0.
struct IntegerMap {
  float scale, zero, offset, lowest, highest;
};
void encodeInteger(IntegerMap map, unsigned bits, llvm::ArrayRef<float> in,
                   llvm::MutableArrayRef<uint32_t> codes);
/// code -> scale * (number - zero) - offset, rounded after each operation.
void decodeInteger(IntegerMap map, unsigned bits, bool isSigned,
                   llvm::ArrayRef<uint32_t> codes,
                   llvm::MutableArrayRef<float> out);
double errorInteger(IntegerMap map, llvm::ArrayRef<float> block);

/// x -> x / scale, to the nearest number with `mantissa` bits, at most 22, an
/// exponent bias of at most 63 and a magnitude of at most `highest`.
struct MiniFloatMap {
  float scale;
  unsigned mantissa, bias;
  float highest;
};
void encodeMiniFloat(MiniFloatMap map, unsigned bits, uint32_t nan,
                     uint32_t minusNan, llvm::ArrayRef<float> in,
                     llvm::MutableArrayRef<uint32_t> codes);
double errorMiniFloat(MiniFloatMap map, llvm::ArrayRef<float> block);

/// bf16 or f32 codes of x / scale, clamped to finite numbers.
void encodeWide(bool bf16, float scale, float highest, llvm::ArrayRef<float> in,
                llvm::MutableArrayRef<uint32_t> codes);

} // namespace qnt::loops

#endif // QNT_DIALECTS_QNT_BLOCKLOOPS_H
