//===- RowEncoder.h - integer codes of rows ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_ROWENCODER_H
#define QNT_LIB_TARGET_CPU_KERNELS_ROWENCODER_H

#include "Common.h"

namespace qnt::cpu {

/// Emits the choice of a row's scale and zero point and the encoding of its
/// numbers. Numerics are those of BlockQuantizer, to the bit: true divisions,
/// codes clamped before they are rounded.
class RowEncoder {
public:
  /// Rows of `features` f32 numbers to integers from `lowest` to `highest` with
  /// scales of `scaleType`: f32, or rounded to f16 or bf16.
  RowEncoder(KernelBuilder &k, int64_t features, double lowest, double highest,
             bool hasZeros, mlir::Type scaleType)
      : k(k), features(features), lowest(lowest), highest(highest),
        hasZeros(hasZeros), scaleType(scaleType) {}

  struct Params {
    /// f32; the zero point is an integer of the format.
    mlir::Value scale, zero;
    /// The scale to store: 0 for a row of zeros, so that what is made of its
    /// codes is exactly 0 whatever zero points are subtracted.
    mlir::Value stored;
  };
  /// Of the row at `x`, clipped to nothing.
  Params chooseParams(mlir::Value x);

  /// What encodes numbers with `params` to codes plus `excess`.
  struct Map {
    mlir::Value scale, low, high, offset;
  };
  Map getMap(Params params, int64_t excess);
  /// The codes of 16 numbers, as i32.
  mlir::Value encode(const Map &map, mlir::Value numbers);

private:
  mlir::Value extreme(mlir::Value x, bool largest, bool magnitude);
  Params paramsOf(mlir::Value range, double steps);

  KernelBuilder &k;
  int64_t features;
  double lowest, highest;
  bool hasZeros;
  mlir::Type scaleType;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_ROWENCODER_H
