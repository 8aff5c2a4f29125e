//===- GroupEncoder.h - numbers to codes in groups -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_GROUPENCODER_H
#define QNT_LIB_TARGET_CUDA_KERNELS_GROUPENCODER_H

#include "../KernelBuilder.h"

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::cuda {

/// qnt.quantize of groups of numbers to e2m1 with scales of 8 bits (NVFP4 and
/// MXFP4), each operation rounded as BlockQuantizer does, so that codes and
/// scales are its own.
class GroupEncoder {
public:
  using Value = mlir::Value;
  struct Scale {
    /// In f32, and its code, an i32, without the row's factor.
    Value scale, code;
  };

  /// A type that is `isSupported`.
  explicit GroupEncoder(QTensorType type);
  static bool isSupported(QTensorType type);

  /// The factor that the scales of a row share, from its largest magnitude; 1
  /// for scales that are powers of two.
  Value chooseRowScale(KernelBuilder &k, Value largest) const;
  /// Of a group, from its largest magnitude.
  Scale choose(KernelBuilder &k, Value largest, Value rowScale) const;
  /// The codes of four numbers that are not NaN, in the low bits of an i32.
  Value encode(KernelBuilder &k, mlir::ValueRange numbers, Value scale) const;

private:
  bool isPower;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_GROUPENCODER_H
