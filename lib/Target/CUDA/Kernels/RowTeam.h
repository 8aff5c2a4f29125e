//===- RowTeam.h - a block of threads on a row -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_ROWTEAM_H
#define QNT_LIB_TARGET_CUDA_KERNELS_ROWTEAM_H

#include "../Kernels.h"

namespace qnt::cuda {

/// How a block of threads visits a row of numbers: each lane takes kInputs
/// neighbours at a time.
class RowTeam {
public:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;
  using Join = llvm::function_ref<Values(mlir::ValueRange, mlir::ValueRange)>;
  static constexpr int64_t kInputs = 4;

  explicit RowTeam(int64_t features)
      : features(features),
        warps(std::clamp<int64_t>(llvm::divideCeil(features, kWarp * kInputs),
                                  1, 8)) {}

  int64_t getThreads() const { return warps * kWarp; }
  /// For `reduce`, of up to two numbers.
  int64_t getSharedBytes() const { return warps > 1 ? 8 * warps : 0; }

  /// Calls `body` with the first inputs of what the lane takes of a row of
  /// `size` inputs, padding included. All lanes of a warp go on together, so
  /// that some may lie beyond.
  void forEach(KernelBuilder &k, int64_t size,
               std::function<void(Value first)> body) const;
  /// The fold of `state` over what exists; lanes that have nothing left stay
  /// behind.
  Values
  fold(KernelBuilder &k, mlir::ValueRange state,
       llvm::function_ref<Values(Value first, mlir::ValueRange)> body) const;
  /// Inputs first .. first + 3 of the row at `x`; those that do not exist are
  /// zero.
  Values load(KernelBuilder &k, Value x, Value first) const;
  /// Stores those of four numbers that exist, in a row of f32.
  void store(KernelBuilder &k, mlir::ValueRange numbers, Value out,
             Value first) const;
  /// One or two f32 of all lanes joined, in an order that does not change; in
  /// all lanes. `join` has no order of its own.
  Values reduce(KernelBuilder &k, Values mine, Join join) const;
  Value sum(KernelBuilder &k, Value mine) const;

  const int64_t features;

private:
  int64_t warps;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_ROWTEAM_H
