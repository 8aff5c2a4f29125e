//===- Tensor.cpp - values of the graph being imported -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Tensor.h"

using namespace mlir;
using namespace qnt::onnx;

Tensor Tensor::ofValue(DType dtype, ArrayRef<Dim> dims, Value value) {
  Tensor result;
  result.dtype = dtype;
  result.dims.assign(dims.begin(), dims.end());
  result.value = value;
  return result;
}

Tensor Tensor::ofConstant(ConstantRef constant) {
  Tensor result;
  result.dtype = constant->getDType();
  result.dims.assign(constant->getShape().begin(), constant->getShape().end());
  result.constant = std::move(constant);
  return result;
}

Tensor Tensor::ofElements(DType dtype, ArrayRef<int64_t> shape,
                          std::vector<Dim> elements) {
  std::vector<int64_t> numbers;
  for (const Dim &element : elements)
    if (auto number = element.constant())
      numbers.push_back(*number);
  if (numbers.size() == elements.size())
    return ofConstant(Constant::ofInts("shape", dtype, shape, numbers));
  Tensor result;
  result.dtype = dtype;
  result.dims.assign(shape.begin(), shape.end());
  result.elements =
      std::make_shared<const std::vector<Dim>>(std::move(elements));
  return result;
}

bool Tensor::isStatic() const {
  return llvm::all_of(dims, [](const Dim &dim) { return dim.constant(); });
}

RankedTensorType qnt::onnx::getTensorType(ArrayRef<Dim> dims, Type element) {
  return RankedTensorType::get(
      llvm::map_to_vector(dims,
                          [](const Dim &dim) {
                            return dim.constant().value_or(
                                ShapedType::kDynamic);
                          }),
      element);
}

SmallVector<int64_t> Tensor::getShape() const {
  return llvm::map_to_vector(dims, [](const Dim &dim) {
    return dim.constant().value_or(ShapedType::kDynamic);
  });
}

RankedTensorType Tensor::getType(MLIRContext *context) const {
  return getTensorType(dims, getElementType(dtype, context));
}

Dim Tensor::countElements() const {
  Dim count = 1;
  for (const Dim &dim : dims)
    count = count * dim;
  return count;
}

std::shared_ptr<const std::vector<Dim>> Tensor::findElements() const {
  constexpr int64_t limit = 256;
  if (elements || !constant || !isInteger(dtype) || constant->size() > limit)
    return elements;
  std::vector<int64_t> numbers = constant->toInts();
  return std::make_shared<const std::vector<Dim>>(numbers.begin(),
                                                  numbers.end());
}
