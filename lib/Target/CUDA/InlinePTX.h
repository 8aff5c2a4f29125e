//===- InlinePTX.h - instructions that nvvm lacks, as PTX -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_INLINEPTX_H
#define QNT_LIB_TARGET_CUDA_INLINEPTX_H

#include "mlir/IR/BuiltinOps.h"

namespace qnt::cuda {

/// Rewrites all ops of the qgpu dialect to inline PTX.
void lowerToInlinePTX(mlir::ModuleOp module);

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_INLINEPTX_H
