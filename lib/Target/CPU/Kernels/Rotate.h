//===- Rotate.h - rows in another basis -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_ROTATE_H
#define QNT_LIB_TARGET_CPU_KERNELS_ROTATE_H

#include "Common.h"

namespace qnt::cpu {

/// Emits the rotation of one row, as a part of kernels. Hadamard matrices give
/// the numbers of rotateHadamard, to the bit.
class RowRotation {
public:
  /// Adds the constants that the code reads to the library.
  RowRotation(KernelLibrary &lib, const RotationShape &shape);

  /// Bytes that `emit` needs beside the row.
  int64_t getScratchBytes() const;
  /// Numbers that a row takes to read or write, for the size of slices.
  int64_t getCost() const;
  /// out = x R of f32; `matrices` for shapes that have them. x and out do not
  /// overlap.
  void emit(KernelBuilder &k, mlir::Value x, mlir::Value matrices,
            mlir::Value out, mlir::Value scratch) const;

private:
  using Vectors = llvm::SmallVector<mlir::Value>;

  /// The number 1 / sqrt(n), with signs where they come last.
  mlir::Value finish(KernelBuilder &k, mlir::Value lanes, mlir::Value index,
                     mlir::Value count) const;
  mlir::Value loadSigned(KernelBuilder &k, mlir::Value x, mlir::Value index,
                         mlir::Value count) const;
  void emitButterflies(KernelBuilder &k, mlir::Value x, mlir::Value out) const;
  void emitStages(KernelBuilder &k, mlir::Value out, int64_t done,
                  int64_t count) const;
  void emitDense(KernelBuilder &k, mlir::Value block, mlir::Value first,
                 mlir::Value tile) const;
  void emitShortDense(KernelBuilder &k, mlir::Value block, mlir::Value first,
                      mlir::Value tile) const;
  void emitMatrices(KernelBuilder &k, mlir::Value x, mlir::Value matrices,
                    mlir::Value out) const;
  void emitTransposed(KernelBuilder &k, mlir::Value x, mlir::Value matrices,
                      mlir::Value out) const;

  RotationShape shape;
  /// Vectors that stay in registers.
  int64_t ways;
  /// Orders of the factors of a Hadamard matrix.
  int64_t dense = 1, sylvester = 1;
  /// f32 [features]: signs that come first, or signs times 1 / sqrt(n) that
  /// come last; null without signs.
  mlir::LLVM::GlobalOp signs;
  /// Entries of the dense factor, f32 [dense, dense], or where Sylvester's has
  /// fewer than kLanes rows i8 [dense, block], one for each feature and rows
  /// padded to whole vectors.
  mlir::LLVM::GlobalOp entries;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_ROTATE_H
