//===- Decode.h - codes to numbers in registers -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_DECODE_H
#define QNT_LIB_TARGET_CPU_KERNELS_DECODE_H

#include "../KernelBuilder.h"

#include "qnt/Dialect/QNT/PanelGeometry.h"

namespace qnt::cpu {

/// The integers (IntegerForm) of floats of up to 4 bits, such as e2m1: number =
/// step * (bytes[code] - excess). None where bytes would not be below 128.
struct SmallIntegers {
  double step = 1;
  int64_t excess = 0;
  llvm::SmallVector<uint8_t> bytes;

  static std::optional<SmallIntegers> of(QTensorType weight);
};

/// Lowers the decode specification of a weight's format: the one place of this
/// target that turns stored codes into integers for dot products, or into f32
/// lanes. Knows kinds of maps, no format by name.
class Decoder {
public:
  explicit Decoder(QTensorType weight);

  /// The stored vectors of one chunk of one panel, 16 words of 32 bits each.
  llvm::SmallVector<mlir::Value> loadWords(KernelBuilder &k,
                                           const PanelGeometry &panels,
                                           mlir::Value codes) const;
  /// Stored codes of inputs 4 * quad .. 4 * quad + 3, or the bytes of small
  /// integers, as the bytes of 16 words.
  mlir::Value decodeBytes(KernelBuilder &k, const PanelGeometry &panels,
                          llvm::ArrayRef<mlir::Value> words,
                          int64_t quad) const;
  /// The same codes as signed bytes of the numbers that they stand for (integer
  /// formats), less getSignedExcess(), times 2^getSignedShift().
  mlir::Value decodeSigned(KernelBuilder &k, const PanelGeometry &panels,
                           llvm::ArrayRef<mlir::Value> words,
                           int64_t quad) const;
  /// What brings numbers of 8 unsigned bits into signed bytes.
  int64_t getSignedExcess() const {
    return spec.bits == 8 && !spec.isSigned ? 128 : 0;
  }
  /// Codes of 4 bits are cheapest as the high half of a byte, where products of
  /// such bytes are exact.
  unsigned getSignedShift(const ISA &isa) const;
  /// Whether sums of two products of decodeSigned's bytes and unsigned bytes
  /// fit 16 bits.
  bool hasNarrowNumbers() const;
  /// Of codes stored unsigned.
  bool isBelow128() const { return spec.bits < 8; }
  /// Words of one input in 8, 16 or 32 bits (PanelGeometry::chunk of 1) as f32
  /// lanes, or those of 8 bits as i32 lanes.
  mlir::Value decodeWord(KernelBuilder &k, mlir::Value codes,
                         mlir::Value zero) const;
  mlir::Value loadByteWord(KernelBuilder &k, mlir::Value codes) const;
  /// Input `i` of the chunk as scale * (number - zero), or, with offsets, fused
  /// scale * number - zero, in f32 lanes. `scale` and `zero` (as loadZero gives
  /// it) may be null.
  mlir::Value decodeLane(KernelBuilder &k, const PanelGeometry &panels,
                         llvm::ArrayRef<mlir::Value> words, int64_t i,
                         mlir::Value scale, mlir::Value zero) const;
  /// 16 codes of 16 or 32 bits as f32 lanes.
  mlir::Value decodeWide(KernelBuilder &k, mlir::Value codes) const;
  /// 16 zero points of stored codes, or offsets, as f32 lanes; `words`: of
  /// codes stored as words of one input.
  mlir::Value loadZero(KernelBuilder &k, mlir::Value zeros,
                       bool words = false) const;
  /// 16 zero points of loadByteWord's numbers as i32 lanes.
  mlir::Value loadWordZero(KernelBuilder &k, mlir::Value zeros) const;
  /// 16 zero points of decodeSigned's numbers, unshifted, as i32 lanes; null
  /// `zeros` stands for zero points of 0.
  mlir::Value loadSignedZero(KernelBuilder &k, mlir::Value zeros) const;

  /// number = step * (multiplier * stored + offset), for integer formats and
  /// small integers. With zero points, what stored codes have in excess
  /// cancels.
  double getStep() const { return integers ? integers->step : 1; }
  int64_t getMultiplier() const { return spec.multiplier; }
  int64_t getOffset() const {
    return zeroKind == ZeroKind::Point ? spec.offset : offset;
  }
  bool hasOffsets() const { return zeroKind == ZeroKind::Offset; }
  /// Whether stored bytes are signed (8-bit signed integers only).
  bool isStoredSigned() const { return spec.isSigned && spec.bits == 8; }

private:
  mlir::Value fieldOf(KernelBuilder &k, const PanelGeometry &panels,
                      llvm::ArrayRef<mlir::Value> words, int64_t quad,
                      int64_t shift, uint32_t repeat) const;
  mlir::Value loadIntegerZero(KernelBuilder &k, mlir::Value zeros,
                              bool isSigned) const;
  mlir::Value decodeMiniFloat(KernelBuilder &k, mlir::Value code) const;
  mlir::Value decodeTable(KernelBuilder &k, mlir::Value code) const;

  DecodeSpec spec;
  std::optional<SmallIntegers> integers;
  ZeroKind zeroKind;
  int64_t offset = 0;
  /// Whether stored zero points are signed bytes.
  bool hasSignedZeros = false;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_DECODE_H
