//===- LayerLowering.h - layers of integers as units -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_LAYERLOWERING_H
#define QNT_LIB_TARGET_FPGA_LAYERLOWERING_H

#include "Parameters.h"

#include "qnt/Dialect/QFlow/QFlow.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/Builders.h"

namespace qnt::fpga {

/// What a value of the model is in a design: a stream of one lane.
struct Numbers {
  mlir::Value stream;
  /// The zero point of codes, and their scale where they come in or go out; of
  /// sums, which go out, what those of each channel are multiplied by.
  int64_t zero = 0;
  llvm::SmallVector<float> scales = {};
};

/// The frames of a tensor of codes, which a first dimension that is 1 or
/// dynamic counts.
mlir::FailureOr<qflow::StreamType> getStreamType(mlir::Operation *op,
                                                 QTensorType type);

/// The units of a linear layer, convolution, mean or another function of codes
/// whose epilogue is in integers. `find` gives what an operand is. Errors are
/// reported at the op.
mlir::FailureOr<Numbers>
lowerLayer(EpilogueOp op, const Parameters &params, mlir::OpBuilder &builder,
           llvm::function_ref<Numbers(mlir::Value)> find);

/// The integers that such an epilogue of qnt.normalize, qnt.rope, qnt.attention
/// or qnt.multiply is on, a stream of one lane, of frames [tokens, features].
mlir::FailureOr<mlir::Value>
lowerFunction(EpilogueOp op, const Parameters &params, mlir::OpBuilder &builder,
              llvm::function_ref<Numbers(mlir::Value)> find);

/// The codes that a table gives for a stream of codes.
mlir::FailureOr<mlir::Value> lowerLookup(qnt::LookupOp op, mlir::Value input,
                                         mlir::OpBuilder &builder);

mlir::FailureOr<Numbers> lowerMaxPool(MaxPoolOp op, Numbers input,
                                      mlir::OpBuilder &builder);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_LAYERLOWERING_H
