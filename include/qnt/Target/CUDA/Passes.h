//===- Passes.h - passes of the CUDA target -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CUDA_PASSES_H
#define QNT_TARGET_CUDA_PASSES_H

#include "qnt/Dialect/QGPU/QGPU.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace qnt::cuda {
#define GEN_PASS_DECL
#include "qnt/Target/CUDA/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "qnt/Target/CUDA/Passes.h.inc"
} // namespace qnt::cuda

#endif // QNT_TARGET_CUDA_PASSES_H
