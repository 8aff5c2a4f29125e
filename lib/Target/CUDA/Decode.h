//===- Decode.h - codes to operands of instructions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_DECODE_H
#define QNT_LIB_TARGET_CUDA_DECODE_H

#include "KernelBuilder.h"

#include "qnt/Dialect/QNT/FragmentGeometry.h"

namespace qnt::cuda {

/// The codes of one tile of #qnt.fragments in the registers of a lane, loaded
/// as they are needed.
class TileCodes {
public:
  /// `tile` points at the tile's first byte, `lane` is the lane of the warp.
  TileCodes(const FragmentGeometry &geometry, mlir::Value tile,
            mlir::Value lane)
      : g(&geometry), tile(tile), lane(lane), words(geometry.planes.size()) {}

  /// Stored word `v` of plane `plane`.
  mlir::Value get(KernelBuilder &k, unsigned plane, int64_t v);

private:
  const FragmentGeometry *g;
  mlir::Value tile, lane;
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> words;
};

/// Lowers the decode specification of a weight's format: of integers, and for
/// products of f16 of floats too.
class Decoder {
public:
  explicit Decoder(QTensorType weight);

  /// For integer products codes are put at the top of bytes, so that a byte is
  /// the code's number times this.
  int64_t getFactor() const { return int64_t(1) << (8 - spec.bits); }
  bool isSigned() const { return spec.isSigned; }
  /// Word `w` of a lane: four numbers.
  mlir::Value decodeBytes(KernelBuilder &k, const FragmentGeometry &geometry,
                          TileCodes &codes, int64_t w) const;
  /// Whether `decodeHalves` knows a format that is no integer: f16, floats of
  /// up to 8 bits, whose numbers are those of f16 times a factor, and bf16,
  /// which is rounded.
  static bool canDecodeHalves(NumberFormat format);
  /// What the numbers of `decodeHalves` count.
  float getHalfFactor() const;
  /// Word `w` of a lane: two numbers in f16; of integers, less the zero point
  /// that `offset` (getHalfOffset) stands for.
  mlir::Value decodeHalves(KernelBuilder &k, const FragmentGeometry &geometry,
                           TileCodes &codes, int64_t w,
                           mlir::Value offset) const;
  /// For a zero point, a byte as it is stored, or null.
  mlir::Value getHalfOffset(KernelBuilder &k, mlir::Value zero) const;

private:
  mlir::Value decodeFloats(KernelBuilder &k, mlir::Value word) const;
  mlir::Value gather(KernelBuilder &k, const FragmentGeometry &geometry,
                     TileCodes &codes, int64_t w, int64_t bottom) const;
  /// What is added to signed codes to make them unsigned.
  int64_t getExcess() const {
    return spec.isSigned ? int64_t(1) << (spec.bits - 1) : 0;
  }

  DecodeSpec spec;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_DECODE_H
