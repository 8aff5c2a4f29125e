//===- RowNorm.h - what a row is normalised by -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_ROWNORM_H
#define QNT_LIB_TARGET_CUDA_KERNELS_ROWNORM_H

#include "RowTeam.h"

namespace qnt::cuda {

/// Generates the norm of a row within a kernel that goes on with its numbers.
class RowNorm {
public:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;

  RowNorm(const NormSpec &spec, const RowTeam &team) : spec(spec), team(team) {}

  /// Adds what the norm takes to a kernel's arguments: norm_scale and
  /// norm_shift, as far as it has them.
  static void addArguments(const NormSpec &spec, Kernel &kernel);
  static unsigned getNumArguments(const NormSpec &spec);

  /// Finds what the row at `x` is normalised by; all lanes come.
  void prepare(KernelBuilder &k, Value x, mlir::ValueRange args);
  /// Numbers first .. first + 3 of the normalised row; anything where they do
  /// not exist.
  Values load(KernelBuilder &k, Value first) const;

private:
  const NormSpec &spec;
  const RowTeam &team;
  Value x, mean, factor, scale, shift;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_ROWNORM_H
