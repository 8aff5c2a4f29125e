//===- Instructions.h - matrix instructions as data -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_INSTRUCTIONS_H
#define QNT_LIB_TARGET_CUDA_INSTRUCTIONS_H

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <array>

namespace qnt::cuda {

/// Which element of an operand a lane holds in which place: each bit of the
/// lane's number, and each of the place's, adds a row and a column. Places
/// count the elements of a lane's registers, lowest bits first.
struct FragmentMap {
  struct Step {
    int64_t row = 0, column = 0;
  };
  std::array<Step, 5> lane;
  std::array<Step, 4> place;

  Step get(int64_t lane, int64_t place) const;
};

/// D = A B + C by a warp: A is m x k, B k x n, C and D m x n.
struct MatrixInstruction {
  llvm::StringLiteral name;
  int64_t m, n, k;
  mlir::NVVM::MMATypes a, b;
  /// 32-bit registers of a lane for A and B; C has 4 numbers.
  unsigned aRegisters, bRegisters;
  /// Whether C and D are i32, else f32.
  bool isInteger;
  /// B with rows as k.
  FragmentMap aMap, bMap, cMap;

  /// Neighbouring elements of B in a register, as #qnt.fragments counts them.
  int64_t getQuad() const { return k / (4 * bRegisters); }
};

/// All chips have these.
extern const MatrixInstruction mmaS8S8, mmaS8U8, mmaF16, mmaBF16;

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_INSTRUCTIONS_H
