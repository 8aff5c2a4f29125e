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
qflow::ProcessOp lowerConcat(qflow::ConcatOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerDepthwise(qflow::DepthwiseOp op,
                                mlir::OpBuilder &builder);
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

/// With products in tables.
qflow::ProcessOp lowerTableDot(qflow::DotOp op, mlir::OpBuilder &builder);

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
/// With weights that come as a stream.
qflow::ProcessOp lowerTiledDot(qflow::TiledDotOp op, mlir::OpBuilder &builder);
qflow::ProcessOp lowerReorder(qflow::ReorderOp op, mlir::OpBuilder &builder);

/// Weights [N, K] as words of `rows` rows and `lanes` inputs: rows by rows, of
/// them inputs by inputs; in a word for each input those of its rows.
llvm::SmallVector<int64_t> tileWeights(mlir::DenseIntElementsAttr weights,
                                       int64_t rows, int64_t lanes);

/// Makes of a dot product with a port the units that it stands for, and of its
/// requantiser one of tiles, so that what is put back in order are codes.
void expandMemoryDot(qflow::DotOp op);

/// The process of such a one on a stream of weights that is null: for
/// estimates.
qflow::ProcessOp lowerMemoryDot(qflow::DotOp op, mlir::OpBuilder &builder);

/// Cycles that it takes of a frame, folded so; its port and its reorder
/// included.
int64_t countMemoryCycles(qflow::DotOp op, int64_t rows, int64_t lanes);

/// Iterations that the process of a unit, or a process, takes for a frame; 0 of
/// other ops.
int64_t getCycles(mlir::Operation *op);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_H
