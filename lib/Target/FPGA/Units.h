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
qflow::ProcessOp lowerDivide(qflow::DivideOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerDot(qflow::DotOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerExponentials(qflow::ExponentialsOp op,
                                   mlir::OpBuilder &builder);
qflow::ProcessOp lowerFork(qflow::ForkOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerLookup(qflow::LookupOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerMix(qflow::MixOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerMultiply(qflow::MultiplyOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerNormalize(qflow::NormalizeOp op,
                                mlir::OpBuilder &builder);
qflow::ProcessOp lowerPad(qflow::PadOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerPool(qflow::PoolOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerRequantize(qflow::RequantizeOp op,
                                 mlir::OpBuilder &builder);
qflow::ProcessOp lowerRope(qflow::RopeOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerScores(qflow::ScoresOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerSlice(qflow::SliceOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerWidth(qflow::WidthOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerWindow(qflow::WindowOp op, mlir::OpBuilder &builder);

/// How a unit is folded whose work one number of lanes divides.
struct LaneFolding {
  /// Cycles of a frame with one lane.
  int64_t work;
  /// Lanes divide it.
  int64_t size;
  /// Streams that have the lanes; others have one each.
  llvm::SmallVector<mlir::OpOperand *> operands;
  llvm::SmallVector<mlir::Value> results;

  /// Bits of a lane of what has the most, streams or what there is within.
  int64_t laneBits = 1;

  /// Of a frame, with the lanes that the unit has.
  int64_t getCycles() const;
};
/// None of other units.
std::optional<LaneFolding> getLaneFolding(mlir::Operation *op);

/// Iterations that the process of a unit, or a process, takes for a frame; 0 of
/// other ops.
int64_t getCycles(mlir::Operation *op);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_H
