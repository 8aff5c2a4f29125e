//===- Epilogue.h - what follows a contraction -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_EPILOGUE_H
#define QNT_LIB_TARGET_CUDA_KERNELS_EPILOGUE_H

#include "../Kernels.h"

#include <array>

namespace qnt::cuda {

/// The f32 steps of an EpilogueOp on pairs of neighbouring columns, which is
/// what lanes hold of products, and the store of the result [rows, features].
class Epilogue {
public:
  using Value = mlir::Value;
  using Pair = std::array<Value, 2>;

  Epilogue(llvm::ArrayRef<EpilogueKind> steps, int64_t features)
      : steps(steps), features(features) {}

  /// Whether all steps can be generated.
  static bool isSupported(llvm::ArrayRef<EpilogueKind> steps);
  /// Operands that the steps take, one pointer each.
  static unsigned getNumOperands(llvm::ArrayRef<EpilogueKind> steps);
  /// A part of kernels' names.
  static std::string getName(llvm::ArrayRef<EpilogueKind> steps);

  /// f32 numbers [features] of columns `column` and `column` + 1, which is
  /// even; of columns that do not exist, anything.
  Pair loadPair(KernelBuilder &k, Value pointer, Value column) const;
  /// What the steps need of two columns.
  llvm::SmallVector<Pair> prepare(KernelBuilder &k, mlir::ValueRange operands,
                                  Value column) const;
  /// Applies the steps at a row that exists and stores, but for columns that do
  /// not exist.
  void emit(KernelBuilder &k, mlir::ValueRange operands, Value out, Value row,
            Value column, Pair numbers, llvm::ArrayRef<Pair> prepared) const;

private:
  bool isEven() const { return features % 2 == 0; }
  Value place(KernelBuilder &k, Value pointer, Value row, Value column) const;
  Pair loadPlaced(KernelBuilder &k, Value at, Value hasSecond) const;

  llvm::SmallVector<EpilogueKind> steps;
  int64_t features;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_EPILOGUE_H
