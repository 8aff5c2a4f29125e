//===- Matmul.h - products of matrices, softmax -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_MATMUL_H
#define QNT_LIB_TARGET_CPU_KERNELS_MATMUL_H

#include "../Kernels.h"

namespace qnt::cpu {

/// (ctx, lhs, rhs, out, i64: rows, depth, columns, then of each of `batchRank`
/// leading dimensions its size, and the matrices that a step of it skips in lhs
/// and in rhs): nn.matmul of f32.
Kernel getMatmulKernel(KernelLibrary &lib, int64_t batchRank, bool transposed);

/// (ctx, x, out, rows, width): nn.softmax of f32.
Kernel getSoftmaxKernel(KernelLibrary &lib);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_MATMUL_H
