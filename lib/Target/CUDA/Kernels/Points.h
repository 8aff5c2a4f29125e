//===- Points.h - a lane for a few neighbouring numbers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_POINTS_H
#define QNT_LIB_TARGET_CUDA_KERNELS_POINTS_H

#include "../Kernels.h"

namespace qnt::cuda {

/// Kernels whose lanes take `width` neighbouring numbers of a row each, and
/// know nothing of each other.
struct Points {
  using Value = mlir::Value;
  static constexpr int64_t kThreads = 256;

  /// Rows of `features`, of which 4 make a unit where that divides them.
  explicit Points(int64_t features)
      : Points(features, features % 4 == 0 ? 4 : 1) {}
  Points(int64_t features, int64_t width) : features(features), width(width) {}

  int64_t features, width;

  /// Threads and grid for as many rows as the argument `rows` tells.
  void describe(Kernel &kernel, unsigned rows) const;
  /// `body(row, first)` where there is a row: first is below `features`.
  void emit(KernelBuilder &k, Value rows,
            llvm::function_ref<void(Value row, Value first)> body) const;
};

/// `width` numbers of `element` (f32, f16, bf16) from number `first` on, which
/// is a multiple of the width, as f32: a scalar where that is 1.
mlir::Value loadNumbers(KernelBuilder &k, mlir::Type element,
                        mlir::Value pointer, mlir::Value first, int64_t width);
/// f32 as numbers of `element`.
void storeNumbers(KernelBuilder &k, mlir::Value numbers, mlir::Type element,
                  mlir::Value pointer, mlir::Value first);
/// A scalar in all lanes of a vector of `width`, or as it is where that is 1.
mlir::Value spread(KernelBuilder &k, mlir::Value x, int64_t width);

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_POINTS_H
