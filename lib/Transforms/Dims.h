//===- Dims.h - sizes of dimensions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_DIMS_H
#define QNT_LIB_TRANSFORMS_DIMS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/PatternMatch.h"

namespace qnt {

/// The size of dimension `dim` of a tensor or quantised tensor: a number, an
/// index that exists, or a tensor.dim (qnt.dim) of the value furthest up that
/// has the same size. What asks for sizes so keeps nothing alive but the
/// function's arguments, as a rule.
mlir::OpFoldResult getDim(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value value, int64_t dim);

/// The value furthest up that has a dimension of this size, and which one.
std::pair<mlir::Value, int64_t> getDimSource(mlir::Value value, int64_t dim);

/// The sizes of all dimensions.
llvm::SmallVector<mlir::OpFoldResult>
getDims(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

/// A tensor of `type` to be written, whose sizes are these.
mlir::Value createEmpty(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::RankedTensorType type,
                        llvm::ArrayRef<mlir::OpFoldResult> sizes);

/// The operand of a tensor.reshape to these sizes.
mlir::Value createShape(mlir::OpBuilder &builder, mlir::Location loc,
                        llvm::ArrayRef<mlir::OpFoldResult> sizes);

/// tensor.dim and qnt.dim become what getDim finds.
void populateDimPatterns(mlir::RewritePatternSet &patterns);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_DIMS_H
