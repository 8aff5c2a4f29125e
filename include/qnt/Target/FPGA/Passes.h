//===- Passes.h - passes of the FPGA target -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_PASSES_H
#define QNT_TARGET_FPGA_PASSES_H

#include "qnt/Dialect/QFlow/QFlow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace qnt::fpga {
#define GEN_PASS_DECL
#include "qnt/Target/FPGA/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_PASSES_H
