//===- Tensor.cpp - shapes, slices, elements -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cstring>

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

static LogicalResult evaluate(tensor::ReshapeOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSource());
  std::vector<int64_t> shape = frame.tensor(op.getShape()).toInts();
  if (llvm::any_of(shape, [](int64_t dim) { return dim < 0; }) ||
      countElements(shape) != source.size())
    return op.emitOpError("expected a shape of ")
           << source.size() << " elements, got [" << ArrayRef(shape) << "]";
  frame.set(op, source.reshaped(shape));
  return success();
}

static LogicalResult evaluate(tensor::FromElementsOp op, Frame &frame) {
  auto kind = getElementKind(op.getType().getElementType());
  if (!kind)
    return op.emitOpError("has a type that the interpreter cannot hold");
  size_t width = byteWidth(*kind);
  std::shared_ptr<char[]> bytes(new char[op.getElements().size() * width + 1]);
  for (auto [i, element] : llvm::enumerate(op.getElements()))
    std::memcpy(bytes.get() + i * width, frame.tensor(element).data(), width);
  frame.set(op,
            Tensor::ofBytes(*kind, op.getType().getShape(),
                            std::shared_ptr<const char>(bytes, bytes.get())));
  return success();
}

static LogicalResult evaluate(tensor::ExtractOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getTensor());
  int64_t at = 0;
  for (auto [dim, value] : llvm::enumerate(op.getIndices())) {
    int64_t index = frame.tensor(value).getInt(0), size = source.getDim(dim);
    if (index < 0 || index >= size)
      return op.emitOpError("reads index ")
             << index << " of dimension " << dim << ", which has size " << size;
    at = at * size + index;
  }
  const char *element = source.data() + at * byteWidth(source.getKind());
  frame.set(op, Tensor::ofBytes(
                    source.getKind(), {},
                    std::shared_ptr<const char>(source.share(), element)));
  return success();
}

/// Copies the elements of a box: one at `from` + sum i_d fromStrides[d] to one
/// at `to` + sum i_d toStrides[d] for 0 <= i < sizes, strides in bytes.
static void copyBox(const char *from, char *to, ArrayRef<int64_t> sizes,
                    ArrayRef<int64_t> fromStrides, ArrayRef<int64_t> toStrides,
                    size_t width) {
  if (sizes.empty()) {
    std::memcpy(to, from, width);
    return;
  }
  if (sizes.size() == 1 && fromStrides[0] == int64_t(width) &&
      toStrides[0] == int64_t(width)) {
    std::copy_n(from, size_t(sizes[0]) * width, to);
    return;
  }
  for (int64_t i = 0; i < sizes[0]; ++i)
    copyBox(from + i * fromStrides[0], to + i * toStrides[0],
            sizes.drop_front(), fromStrides.drop_front(),
            toStrides.drop_front(), width);
}

static SmallVector<int64_t> byteStrides(ArrayRef<int64_t> shape, size_t width) {
  SmallVector<int64_t> strides(shape.size());
  int64_t stride = int64_t(width);
  for (int64_t i = int64_t(shape.size()) - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

static SmallVector<int64_t> readNumbers(ArrayRef<OpFoldResult> mixed,
                                        Frame &frame) {
  return llvm::map_to_vector(mixed, [&](OpFoldResult value) {
    if (auto attr = dyn_cast<Attribute>(value))
      return cast<IntegerAttr>(attr).getInt();
    return frame.tensor(cast<Value>(value)).getInt(0);
  });
}

static LogicalResult evaluate(tensor::ExtractSliceOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSource());
  auto offsets = readNumbers(op.getMixedOffsets(), frame);
  auto sizes = readNumbers(op.getMixedSizes(), frame);
  auto steps = readNumbers(op.getMixedStrides(), frame);
  size_t width = byteWidth(source.getKind());
  SmallVector<int64_t> strides = byteStrides(source.getShape(), width);
  int64_t first = 0;
  for (int64_t i = 0; i < source.getRank(); ++i) {
    int64_t last = offsets[i] + (sizes[i] - 1) * steps[i];
    if (sizes[i] < 0 || steps[i] <= 0 || offsets[i] < 0 ||
        (sizes[i] > 0 && last >= source.getDim(i)))
      return op.emitOpError("takes ")
             << sizes[i] << " elements from " << offsets[i] << " by "
             << steps[i] << " of dimension " << i << ", which has size "
             << source.getDim(i);
    first += offsets[i] * strides[i];
    strides[i] *= steps[i];
  }
  int64_t count = countElements(sizes);
  std::shared_ptr<char[]> bytes(new char[count * width + 1]);
  if (count)
    copyBox(source.data() + first, bytes.get(), sizes, strides,
            byteStrides(sizes, width), width);
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<int64_t> shape;
  for (auto [i, size] : llvm::enumerate(sizes))
    if (!dropped[i])
      shape.push_back(size);
  frame.set(op,
            Tensor::ofBytes(source.getKind(), shape,
                            std::shared_ptr<const char>(bytes, bytes.get())));
  return success();
}

static LogicalResult evaluate(tensor::PadOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSource());
  Value padding = op.getConstantPaddingValue();
  if (!padding || padding.getParentRegion() == &op.getRegion())
    return op.emitOpError("expected to pad with a value from outside");
  auto before = readNumbers(op.getMixedLowPad(), frame);
  auto after = readNumbers(op.getMixedHighPad(), frame);
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < source.getRank(); ++i) {
    if (before[i] < 0 || after[i] < 0)
      return op.emitOpError("expected pads that are not negative, got ")
             << before[i] << " and " << after[i];
    shape.push_back(before[i] + source.getDim(i) + after[i]);
  }
  size_t width = byteWidth(source.getKind());
  int64_t count = countElements(shape);
  std::shared_ptr<char[]> bytes(new char[count * width + 1]);
  const char *element = frame.tensor(padding).data();
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(bytes.get() + i * width, element, width);
  SmallVector<int64_t> strides = byteStrides(shape, width);
  int64_t first = 0;
  for (auto [pad, stride] : llvm::zip_equal(before, strides))
    first += pad * stride;
  if (source.size())
    copyBox(source.data(), bytes.get() + first, source.getShape(),
            byteStrides(source.getShape(), width), strides, width);
  frame.set(op,
            Tensor::ofBytes(source.getKind(), shape,
                            std::shared_ptr<const char>(bytes, bytes.get())));
  return success();
}

static LogicalResult evaluate(tensor::ConcatOp op, Frame &frame) {
  int64_t dim = op.getDim();
  SmallVector<const Tensor *> parts;
  for (Value input : op.getInputs())
    parts.push_back(&frame.tensor(input));
  SmallVector<int64_t> shape(parts.front()->getShape());
  shape[dim] = 0;
  for (const Tensor *part : parts) {
    for (int64_t i = 0; i < part->getRank(); ++i)
      if (i != dim && part->getDim(i) != shape[i])
        return op.emitOpError("expected dimension ")
               << i << " of all inputs to be " << shape[i] << ", got "
               << part->getDim(i);
    shape[dim] += part->getDim(dim);
  }
  size_t width = byteWidth(parts.front()->getKind());
  int64_t outer = countElements(ArrayRef(shape).take_front(dim));
  int64_t inner = countElements(ArrayRef(shape).drop_front(dim + 1)) * width;
  std::shared_ptr<char[]> bytes(new char[countElements(shape) * width + 1]);
  char *to = bytes.get();
  for (int64_t i = 0; i < outer; ++i)
    for (const Tensor *part : parts) {
      int64_t size = part->getDim(dim) * inner;
      std::copy_n(part->data() + i * size, size, to);
      to += size;
    }
  frame.set(op,
            Tensor::ofBytes(parts.front()->getKind(), shape,
                            std::shared_ptr<const char>(bytes, bytes.get())));
  return success();
}

void interp::registerTensor(Registry &registry) {
  registry.add<tensor::CastOp>(evaluate);
  registry.add<tensor::DimOp>(evaluate);
  registry.add<tensor::EmptyOp>(evaluate);
  registry.add<tensor::CollapseShapeOp>(evaluate);
  registry.add<tensor::ExpandShapeOp>(evaluate);
  registry.add<tensor::ReshapeOp>(evaluate);
  registry.add<tensor::FromElementsOp>(evaluate);
  registry.add<tensor::ExtractOp>(evaluate);
  registry.add<tensor::ExtractSliceOp>(evaluate);
  registry.add<tensor::ConcatOp>(evaluate);
  registry.add<tensor::PadOp>(evaluate);
}
