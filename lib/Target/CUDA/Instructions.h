//===- Instructions.h - matrix instructions as data -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_INSTRUCTIONS_H
#define QNT_LIB_TARGET_CUDA_INSTRUCTIONS_H

#include "qnt/Dialect/QGPU/QGPU.h"

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
  std::array<Step, 5> place;

  Step get(int64_t lane, int64_t place) const;
};

/// What products of blocks have beside: a word of a lane holds scales of a row
/// of A, another those of a column of B. Of the lanes that have the same, one
/// pair of each quad, or one lane, gives them: the first ones.
struct BlockScale {
  /// Inputs of a block.
  int64_t group;
  mlir::NVVM::ScaleVecSize size;
  mlir::NVVM::BlockScaleFormat format;
  mlir::NVVM::MMABlockScaleKind kind;
  /// Lanes to rows of A, or columns of B, and bytes to blocks of a step.
  FragmentMap aMap, bMap;
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
  /// Of products of blocks, or null.
  const BlockScale *scale = nullptr;

  /// Neighbouring elements of B in a register, as #qnt.fragments counts them.
  int64_t getQuad() const { return k / (4 * bRegisters); }
};

/// All chips have these.
extern const MatrixInstruction mmaS8S8, mmaS8U8, mmaF16, mmaBF16;

/// Of floats of 8 bits, e4m3 and e5m2, by the names of A and B; null for
/// others. Chips with Chip::hasFloat8 have them.
const MatrixInstruction *findFloat8Mma(llvm::StringRef a, llvm::StringRef b);

/// Of e2m1 in blocks of so many inputs, with scales of that format; null for
/// others. Chips with Chip::hasBlockScaledMma have them, those with tcgen05 the
/// same products of tensor memory.
const MatrixInstruction *findBlockScaledMma(mlir::NVVM::BlockScaleFormat format,
                                            int64_t group);

/// D = A B + C by a warpgroup: by wgmma A is 64 x k in registers, B k x n in
/// shared memory, C and D 64 x n. A warp holds 16 rows of A and D: its
/// fragments of A, and of each 8 columns of D, are those of `warp`. By tcgen05
/// A and D have 128 rows in tensor memory, and products of blocks have scales.
struct WarpgroupInstruction {
  llvm::StringLiteral name;
  qgpu::Element a, b;
  const MatrixInstruction &warp;

  int64_t getK() const { return warp.k; }
  bool isInteger() const { return warp.isInteger; }
};

/// Chips with wgmma or tcgen05 have these.
extern const WarpgroupInstruction wgmmaS8S8, wgmmaU8S8, wgmmaF16;
/// Likewise of floats of 8 bits.
const WarpgroupInstruction *findFloat8Wgmma(llvm::StringRef a,
                                            llvm::StringRef b);
/// Of blocks, with the elements and scales of `warp`: chips with tcgen05.
const WarpgroupInstruction &getBlockScaledTensor(const MatrixInstruction &warp);

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_INSTRUCTIONS_H
