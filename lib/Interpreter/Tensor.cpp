//===- Tensor.cpp - shapes and parameters -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
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

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

static std::optional<ElementKind> kindOf(params::DType dtype) {
  using params::DType;
  switch (dtype) {
  case DType::F64:
    return ElementKind::F64;
  case DType::F32:
    return ElementKind::F32;
  case DType::F16:
    return ElementKind::F16;
  case DType::BF16:
    return ElementKind::BF16;
  case DType::I64:
    return ElementKind::I64;
  case DType::I32:
    return ElementKind::I32;
  case DType::I16:
    return ElementKind::I16;
  case DType::I8:
    return ElementKind::I8;
  case DType::U8:
    return ElementKind::U8;
  case DType::Bool:
    return ElementKind::I1;
  case DType::F8E4M3:
  case DType::F8E5M2:
    return std::nullopt;
  }
  llvm_unreachable("unknown DType");
}

static LogicalResult evaluate(ml_program::GlobalLoadConstOp op, Frame &frame) {
  StringRef name = op.getGlobal().getLeafReference();
  auto global = dyn_cast_or_null<ml_program::GlobalOp>(frame.lookup(name));
  if (!global)
    return op.emitOpError("loads an unknown global '") << name << "'";
  if (!isa_and_nonnull<ml_program::ExternAttr>(global.getValueAttr()))
    return op.emitOpError("expected an extern global, got '") << name << "'";
  if (!frame.params())
    return op.emitOpError("loads parameter '")
           << name << "', but the module has no qnt.params";
  try {
    const params::TensorView &view = frame.params()->get(name.str());
    auto kind = kindOf(view.dtype);
    if (!kind)
      return op.emitOpError("loads parameter '")
             << name << "' of dtype " << params::name(view.dtype)
             << ", which the interpreter cannot hold";
    // The store stays open while any of its tensors is in use.
    std::shared_ptr<const char> bytes(
        frame.params(), reinterpret_cast<const char *>(view.bytes.data()));
    Datum datum = Tensor::ofBytes(*kind, view.shape, bytes);
    std::string why;
    if (!fits(datum, op.getType(), why))
      return op.emitOpError("expected parameter '")
             << name << "' of type " << op.getType() << ", "
             << frame.params()->path() << " has " << why;
    frame.set(op, std::move(datum));
    return success();
  } catch (const params::ParamsError &error) {
    return op.emitOpError(error.what());
  }
}

void interp::registerTensor(Registry &registry) {
  registry.add<tensor::CastOp>(evaluate);
  registry.add<tensor::DimOp>(evaluate);
  registry.add<tensor::EmptyOp>(evaluate);
  registry.add<tensor::CollapseShapeOp>(evaluate);
  registry.add<tensor::ExpandShapeOp>(evaluate);
  registry.add<ml_program::GlobalLoadConstOp>(evaluate);
}
