//===- Generic.h - kernels of linalg ops ------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_GENERIC_H
#define QNT_LIB_TARGET_CPU_KERNELS_GENERIC_H

#include "../Kernels.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace qnt::cpu {

/// A linalg op as its kernel sees it: loops without those of one point, with
/// neighbours that all operands visit as one merged.
struct GenericNest {
  enum class Stride { Zero, One, Runtime };
  struct Loop {
    bool isReduction;
    /// The op's loop that linalg.index means; none for merged ones, whose
    /// indices the body does not use.
    std::optional<int64_t> index;
  };
  struct Operand {
    mlir::Type element;
    /// What all elements are, for operands that are not in memory.
    mlir::TypedAttr constant;
    /// Whether the body reads the operand.
    bool isRead = true;
    /// By loop.
    llvm::SmallVector<Stride> strides;
  };

  mlir::linalg::LinalgOp op;
  llvm::SmallVector<Loop> loops;
  /// Inputs, then inits.
  llvm::SmallVector<Operand> operands;
  /// Tensors of tensor.extract.
  llvm::SmallVector<mlir::Value> sources;
  /// Indices and constants from outside that the body uses.
  llvm::SmallVector<mlir::Value> indices;
  llvm::SmallVector<mlir::arith::ConstantOp> constants;

  mlir::Block &getBody() const {
    mlir::linalg::LinalgOp handle = op;
    return *handle.getBlock();
  }
  unsigned getNumInputs() const {
    return operands.size() - op->getNumResults();
  }
};

/// (ctx, pointers: operands that are read and no constants, results, sources;
/// i64: extents of all loops, strides in elements of all operands where they
/// are Runtime (inits' strides are the results'), dimensions of the sources,
/// indices): the op, in parallel over its outer points. Points follow one
/// another in the order of the loops, except for sums, products, extrema and
/// bitwise folds along contiguous inputs, which 16 lanes share.
Kernel getGenericKernel(KernelLibrary &lib, const GenericNest &nest);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_GENERIC_H
