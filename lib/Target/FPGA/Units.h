//===- Units.h - units as processes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_UNITS_H
#define QNT_LIB_TARGET_FPGA_UNITS_H

#include "ProcessBuilder.h"

namespace qnt::fpga {

/// Each makes the process of a unit, at `builder`'s place; the unit stays.
qflow::ProcessOp lowerDot(qflow::DotOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerFork(qflow::ForkOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerLookup(qflow::LookupOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerPad(qflow::PadOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerPool(qflow::PoolOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerRequantize(qflow::RequantizeOp op,
                                 mlir::OpBuilder &builder);
qflow::ProcessOp lowerSlice(qflow::SliceOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerWidth(qflow::WidthOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerWindow(qflow::WindowOp op, mlir::OpBuilder &builder);

/// Iterations that the process of a unit, or a process, takes for a frame; 0 of
/// other ops.
int64_t getCycles(mlir::Operation *op);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_H
