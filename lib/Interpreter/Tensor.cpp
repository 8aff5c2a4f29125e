//===- Tensor.cpp - shapes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static LogicalResult evaluate(tensor::CastOp op, Frame &frame) {
  frame.set(op, frame.tensor(op.getSource()));
  return success();
}

static LogicalResult evaluate(tensor::DimOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSource());
  int64_t index = frame.tensor(op.getIndex()).getInt(0);
  if (index < 0 || index >= source.getRank())
    return op.emitOpError("expected a dimension below ")
           << source.getRank() << ", got " << index;
  frame.set(op, Tensor::ofIndex(source.getDim(index)));
  return success();
}

static LogicalResult evaluate(tensor::EmptyOp op, Frame &frame) {
  SmallVector<int64_t> shape(op.getType().getShape());
  auto sizes = op.getDynamicSizes().begin();
  for (int64_t &dim : shape)
    if (ShapedType::isDynamic(dim))
      dim = frame.tensor(*sizes++).getInt(0);
  auto kind = getElementKind(op.getType().getElementType());
  if (!kind || llvm::any_of(shape, [](int64_t dim) { return dim < 0; }))
    return op.emitOpError("has a type that the interpreter cannot hold");
  std::vector<char> zeros(countElements(shape) * byteWidth(*kind));
  auto owner = std::make_shared<std::vector<char>>(std::move(zeros));
  frame.set(op,
            Tensor::ofBytes(*kind, shape,
                            std::shared_ptr<const char>(owner, owner->data())));
  return success();
}

static LogicalResult evaluate(tensor::CollapseShapeOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSrc());
  SmallVector<int64_t> shape;
  for (const auto &group : op.getReassociationIndices()) {
    int64_t size = 1;
    for (int64_t i : group)
      size *= source.getDim(i);
    shape.push_back(size);
  }
  frame.set(op, source.reshaped(shape));
  return success();
}

static LogicalResult evaluate(tensor::ExpandShapeOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSrc());
  SmallVector<int64_t> shape(op.getStaticOutputShape());
  auto sizes = op.getOutputShape().begin();
  for (int64_t &dim : shape)
    if (ShapedType::isDynamic(dim))
      dim = frame.tensor(*sizes++).getInt(0);
  if (countElements(shape) != source.size())
    return op.emitOpError("expected ")
           << source.size() << " elements, got " << countElements(shape);
  frame.set(op, source.reshaped(shape));
  return success();
}

void interp::registerTensor(Registry &registry) {
  registry.add<tensor::CastOp>(evaluate);
  registry.add<tensor::DimOp>(evaluate);
  registry.add<tensor::EmptyOp>(evaluate);
  registry.add<tensor::CollapseShapeOp>(evaluate);
  registry.add<tensor::ExpandShapeOp>(evaluate);
}
