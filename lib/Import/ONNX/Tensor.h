//===- Tensor.h - values of the graph being imported -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_TENSOR_H
#define QNT_IMPORT_ONNX_TENSOR_H

#include "Constant.h"
#include "Dim.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace qnt::onnx {

struct QuantizedConstant;

/// A value of the graph. What is known of it when importing comes first: a
/// constant, or for small integer tensors (shapes) an expression for every
/// element; only then `value` is null until an op needs it (Node::value).
struct Tensor {
  DType dtype = DType::F32;
  llvm::SmallVector<Dim> dims;
  /// A ranked tensor of getType().
  mlir::Value value;
  ConstantRef constant;
  /// The codes that `constant` was decoded from; null when there are none.
  std::shared_ptr<const QuantizedConstant> quantized;
  /// Row-major; null when not known.
  std::shared_ptr<const std::vector<Dim>> elements;
  /// Why no op can use this value; empty for those that can.
  std::string refusal;

  static Tensor ofValue(DType dtype, llvm::ArrayRef<Dim> dims,
                        mlir::Value value);
  static Tensor ofConstant(ConstantRef constant);
  /// An integer tensor of static shape. One whose elements are all numbers
  /// becomes a constant.
  static Tensor ofElements(DType dtype, llvm::ArrayRef<int64_t> shape,
                           std::vector<Dim> elements);

  int64_t getRank() const { return dims.size(); }
  /// Whether `Node::parameter` gives a parameter of the model.
  bool isParameter() const { return constant != nullptr; }
  bool isStatic() const;
  /// The shape, with ShapedType::kDynamic where it is no number.
  llvm::SmallVector<int64_t> getShape() const;
  mlir::RankedTensorType getType(mlir::MLIRContext *context) const;
  /// Elements, as an expression.
  Dim countElements() const;
  /// The elements as expressions, if they are known: those of `elements`, and
  /// of integer constants up to a size that shapes have.
  std::shared_ptr<const std::vector<Dim>> findElements() const;
};

/// The type of a tensor of that shape.
mlir::RankedTensorType getTensorType(llvm::ArrayRef<Dim> dims,
                                     mlir::Type element);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_TENSOR_H
