//===- RowEncoder.h - numbers to codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_ROWENCODER_H
#define QNT_LIB_TARGET_CUDA_KERNELS_ROWENCODER_H

#include "../KernelBuilder.h"

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::cuda {

/// qnt.quantize of a block of numbers by absmax to integers, or floats of 8
/// bits, each operation rounded to f32 as BlockQuantizer does, so that codes
/// are its codes (of NaNs, which floats keep, but for the sign).
class RowEncoder {
public:
  using Value = mlir::Value;
  /// `stored` is the scale that goes to memory: 0 for a block of zeros. All
  /// f32.
  struct Params {
    Value scale, zero, stored;
  };

  /// Integers with scales and, maybe, zero points, or e4m3 or e5m2.
  explicit RowEncoder(QTensorType type);

  bool isFloat() const { return !isInteger; }
  /// The codes of four numbers, as bytes of a word; of floats.
  Value encodeFloats(KernelBuilder &k, mlir::ValueRange numbers,
                     const Params &params) const;

  /// Of a block whose least and largest numbers, 0 among them, are given.
  Params choose(KernelBuilder &k, Value least, Value largest) const;
  /// The code of a number that is not NaN, as an i32 in the format's range.
  Value encode(KernelBuilder &k, Value number, const Params &params) const;

  static Value zeroIfNaN(KernelBuilder &k, Value number);

private:
  mlir::Type scaleType;
  float lowest, highest;
  bool hasZeros, isInteger, isE5M2;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_ROWENCODER_H
