//===- RowRotation.h - a row in another basis -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_ROWROTATION_H
#define QNT_LIB_TARGET_CUDA_KERNELS_ROWROTATION_H

#include "RowTeam.h"

namespace qnt::cuda {

/// Generates the rotation of a row within a kernel that goes on with its
/// numbers. The row lies in shared memory, behind what the team takes. Hadamard
/// matrices give the numbers of rotateHadamard, to the bit.
class RowRotation {
public:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;

  RowRotation(const RotationSpec &spec, const RowTeam &team);

  /// Adds what the rotation takes to a kernel's arguments, and shared memory.
  void describe(Kernel &kernel);

  /// Rotates the row whose numbers first .. first + 3 `load` gives, anything
  /// where they do not exist; all lanes come.
  void prepare(KernelBuilder &k, mlir::ValueRange args,
               llvm::function_ref<Values(Value first)> load);
  /// Numbers first .. first + 3 of the rotated row; anything where they do not
  /// exist.
  Values load(KernelBuilder &k, Value first) const;

private:
  Value buffer(KernelBuilder &k, int64_t index) const;
  void crossNeighbours(KernelBuilder &k, Values &numbers) const;
  void crossRuns(KernelBuilder &k, int64_t done, int64_t count) const;
  void multiplyDense(KernelBuilder &k, Value entries) const;
  void multiplyMatrices(KernelBuilder &k, Value matrices) const;
  /// Whether rows are multiplied by matrices, from one buffer into another.
  bool hasProducts() const { return spec.hasMatrices || dense > 1; }
  int64_t getBufferBytes() const {
    return int64_t(llvm::alignTo(4 * spec.features, 16));
  }

  const RotationSpec &spec;
  const RowTeam &team;
  /// Orders of the factors of a Hadamard matrix.
  int64_t dense = 1, sylvester = 1;
  /// Of the kernel's arguments.
  unsigned signs = 0, numbers = 0;
  /// What the row's numbers are at last multiplied by, for transposed ones.
  Value lastSigns;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_ROWROTATION_H
