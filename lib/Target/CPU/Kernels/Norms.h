//===- Norms.h - norms of single rows ---------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_NORMS_H
#define QNT_LIB_TARGET_CPU_KERNELS_NORMS_H

#include "../KernelBuilder.h"

namespace qnt::cpu {

/// nn.rms_norm of one row: f32 x, scale and out [features].
void emitRMSNorm(KernelBuilder &k, mlir::Value x, mlir::Value scale,
                 mlir::Value out, int64_t features, double eps);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_NORMS_H
