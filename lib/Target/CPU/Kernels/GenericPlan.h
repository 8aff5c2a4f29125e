//===- GenericPlan.h - how a linalg op's loops become code ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_GENERICPLAN_H
#define QNT_LIB_TARGET_CPU_KERNELS_GENERICPLAN_H

#include "Generic.h"
#include "Lanes.h"

namespace qnt::cpu {

struct GenericPlan {
  enum class Mode {
    /// A point at a time.
    Scalar,
    /// Lanes are points of a parallel loop that results are contiguous in;
    /// reductions run inside.
    Vertical,
    /// Lanes share the points of the last reduction.
    Horizontal,
  };
  /// result = op(result, element).
  struct Fold {
    mlir::Operation *op;
    mlir::Value element;
  };
  Mode mode = Mode::Scalar;
  /// The loop of the lanes, or -1.
  int64_t lane = -1;
  /// Parallel loops and reductions but for that of the lanes, in order.
  llvm::SmallVector<int64_t> outer, inner;
  /// Of horizontal plans, by result.
  llvm::SmallVector<Fold> folds;

  static GenericPlan choose(const GenericNest &nest);
};

/// What a fold starts from, a number, and the fold of all lanes.
mlir::Value emitNeutral(KernelBuilder &k, mlir::Operation *fold);
mlir::Value emitFold(KernelBuilder &k, mlir::Operation *fold,
                     mlir::Value lanes);

/// "generic.addf_mulf.HASH": the hash is of all that the code depends on.
std::string getKernelName(const GenericNest &nest, const GenericPlan &plan);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_GENERICPLAN_H
