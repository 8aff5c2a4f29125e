//===- Builders.h - what operators are made of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each function writes ops into the node's place and returns what they give.
// Constants that only change shape, order or type stay constants.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_BUILDERS_H
#define QNT_IMPORT_ONNX_BUILDERS_H

#include "Node.h"

#include "mlir/IR/BuiltinAttributeInterfaces.h"

namespace qnt::onnx {

/// The shape that numpy's broadcasting gives; fails when it is not possible or
/// not known to be.
llvm::SmallVector<Dim> broadcast(Node &node, llvm::ArrayRef<Dim> lhs,
                                 llvm::ArrayRef<Dim> rhs);

/// Scalars of one element each in, one scalar of the result's type out.
using ScalarBody = llvm::function_ref<mlir::Value(
    mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// `body` on the elements of `inputs`, broadcast against each other. Constants
/// of one element become constants of the body.
Tensor elementwise(Node &node, llvm::ArrayRef<Tensor> inputs, DType result,
                   ScalarBody body);

/// Folds the elements along `axes` (ascending) with `combine`, which is given
/// an element of `input` and what there is so far, of the type `accumulator`,
/// beginning with `initial`. The result lacks `axes`.
Tensor reduce(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> axes,
              DType accumulator, mlir::TypedAttr initial, ScalarBody combine);

/// Dimension i of the result is dimension perm[i] of `input`.
Tensor transpose(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> perm);

/// The same elements in another shape, which has as many.
Tensor reshape(Node &node, const Tensor &input, llvm::ArrayRef<Dim> shape);

/// With unit dimensions where `axes` (of the result, ascending) say.
Tensor unsqueeze(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> axes);

/// `sizes` elements from `offsets` on, every `steps`th, which are positive.
Tensor slice(Node &node, const Tensor &input, llvm::ArrayRef<Dim> offsets,
             llvm::ArrayRef<Dim> sizes, llvm::ArrayRef<int64_t> steps);

/// ONNX's Cast: to integers towards zero, to bool whether not zero.
Tensor cast(Node &node, const Tensor &input, DType dtype);

/// The scalar `value` of type `from` as `to`.
mlir::Value castScalar(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value value, DType from, DType to);

/// Broadcast to `shape`, which `input` can be broadcast to.
Tensor expand(Node &node, const Tensor &input, llvm::ArrayRef<Dim> shape);

/// A scalar tensor.
Tensor splat(DType dtype, double value);

/// An uninitialised tensor to write into.
mlir::Value emptyTensor(Node &node, llvm::ArrayRef<Dim> shape,
                        mlir::Type element);
/// A tensor filled with one value.
mlir::Value filledTensor(Node &node, llvm::ArrayRef<Dim> shape,
                         mlir::TypedAttr value);

/// `value` with the type that `shape` gives: a tensor.cast where static
/// dimensions are known better.
mlir::Value refine(Node &node, mlir::Value value, llvm::ArrayRef<Dim> shape);

/// A scalar constant of `type`, an integer or float type.
mlir::Value scalarConstant(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Type type, double value);
mlir::TypedAttr scalarAttribute(mlir::Type type, double value);
/// The smallest or largest value; infinities for floats.
mlir::TypedAttr lowest(mlir::MLIRContext *context, DType dtype);
mlir::TypedAttr highest(mlir::MLIRContext *context, DType dtype);

/// f32 for f16 and bf16, else the type itself: what sums are kept in.
DType getAccumulator(DType dtype);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_BUILDERS_H
