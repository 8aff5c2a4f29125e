//===- LowerShapes.cpp - slices, concatenations, constants -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "../Kernels/Common.h"
#include "../Kernels/Lanes.h"
#include "../Kernels/StridedCopy.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

SmallVector<Dim> FunctionLowering::getStrides(ArrayRef<Dim> dims) {
  SmallVector<Dim> strides;
  for (size_t i = 0; i < dims.size(); ++i)
    strides.push_back(symbols.table.product(dims.drop_front(i + 1)));
  return strides;
}

void FunctionLowering::copyBox(KernelBuilder &k, Value from, Dim fromOffset,
                               ArrayRef<Dim> fromStrides, Value to,
                               Dim toOffset, ArrayRef<Dim> toStrides,
                               ArrayRef<Dim> sizes, int64_t width) {
  DimTable &table = symbols.table;
  // Neighbouring dimensions that are dense in both are one.
  SmallVector<Dim> extents, reads, writes;
  for (auto [size, read, write] :
       llvm::zip_equal(sizes, fromStrides, toStrides)) {
    if (size == Dim::constant(1))
      continue;
    if (!extents.empty() && reads.back() == table.mul(read, size) &&
        writes.back() == table.mul(write, size)) {
      extents.back() = table.mul(extents.back(), size);
      reads.back() = read;
      writes.back() = write;
      continue;
    }
    extents.push_back(size);
    reads.push_back(read);
    writes.push_back(write);
  }
  Dim one = Dim::constant(1);
  if (extents.empty()) {
    extents = {one};
    reads = writes = {one};
  }
  bool dense = reads.back() == one && writes.back() == one;
  auto read = llvm::find(reads, one), write = llvm::find(writes, one);
  bool transposes = !dense && read != reads.end() && write != writes.end();
  if (transposes) {
    // To the last places: what is contiguous in `from`, then in `to`.
    SmallVector<size_t> order;
    size_t readAt = read - reads.begin(), writeAt = write - writes.begin();
    for (size_t i = 0; i < extents.size(); ++i)
      if (i != readAt && i != writeAt)
        order.push_back(i);
    order.append({readAt, writeAt});
    for (SmallVector<Dim> *list : {&extents, &reads, &writes})
      *list = llvm::map_to_vector(order, [&](size_t i) { return (*list)[i]; });
  }
  auto bytes = [&](Dim elements) {
    return emitDim(k, table.mul(elements, Dim::constant(width)));
  };
  SmallVector<Value> args{context, k.at(from, bytes(fromOffset)),
                          k.at(to, bytes(toOffset))};
  for (Dim extent : extents)
    args.push_back(emitDim(k, extent));
  for (Dim stride : reads)
    args.push_back(bytes(stride));
  for (Dim stride : writes)
    args.push_back(bytes(stride));
  k.call(transposes
             ? getTransposedCopyKernel(module.lib, extents.size(), width)
             : getStridedCopyKernel(module.lib, extents.size(), width, dense),
         args);
}

/// Sizes or offsets that follow from shapes.
static SmallVector<Dim> getNumbers(const FunctionSymbols &symbols,
                                   ArrayRef<OpFoldResult> values) {
  return llvm::map_to_vector(values, [&](OpFoldResult value) {
    if (auto attr = dyn_cast<Attribute>(value))
      return Dim::constant(cast<IntegerAttr>(attr).getInt());
    return *symbols.getIndex(cast<Value>(value));
  });
}

LogicalResult FunctionLowering::emitSlice(KernelBuilder &k,
                                          tensor::ExtractSliceOp op) {
  DimTable &table = symbols.table;
  for (ArrayRef<OpFoldResult> values :
       {op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides()})
    for (OpFoldResult value : values)
      if (auto index = dyn_cast<Value>(value);
          index && !symbols.getIndex(index))
        return op.emitOpError("has offsets, sizes or strides that do not "
                              "follow from shapes");
  SmallVector<Dim> sizes = getNumbers(symbols, op.getMixedSizes()), strides;
  Dim offset = Dim::constant(0);
  for (auto [stride, step, first] :
       llvm::zip_equal(getStrides(symbols.getDims(op.getSource())),
                       getNumbers(symbols, op.getMixedStrides()),
                       getNumbers(symbols, op.getMixedOffsets()))) {
    offset = table.add(offset, table.mul(stride, first));
    strides.push_back(table.mul(stride, step));
  }
  copyBox(k, pointer(op.getSource()), offset, strides, pointer(op.getResult()),
          Dim::constant(0), getStrides(sizes), sizes,
          getByteWidth(op.getType().getElementType()));
  record(k, *op, Kernel(), pointer(op.getResult()));
  return success();
}

LogicalResult FunctionLowering::emitTranspose(KernelBuilder &k,
                                              linalg::TransposeOp op) {
  Value result = op->getResult(0);
  SmallVector<Dim> strides = getStrides(symbols.getDims(op.getInput())), reads;
  for (int64_t dim : op.getPermutation())
    reads.push_back(strides[dim]);
  SmallVector<Dim> sizes(symbols.getDims(result));
  copyBox(k, pointer(op.getInput()), Dim::constant(0), reads, pointer(result),
          Dim::constant(0), getStrides(sizes), sizes,
          getByteWidth(getElementTypeOrSelf(result)));
  record(k, *op, Kernel(), pointer(result));
  return success();
}

LogicalResult FunctionLowering::emitConcat(KernelBuilder &k,
                                           tensor::ConcatOp op) {
  DimTable &table = symbols.table;
  SmallVector<Dim> strides = getStrides(symbols.getDims(op.getResult()));
  Dim offset = Dim::constant(0);
  for (Value input : op.getInputs()) {
    SmallVector<Dim> sizes(symbols.getDims(input));
    copyBox(k, pointer(input), Dim::constant(0), getStrides(sizes),
            pointer(op.getResult()), offset, strides, sizes,
            getByteWidth(getElementTypeOrSelf(input)));
    offset =
        table.add(offset, table.mul(sizes[op.getDim()], strides[op.getDim()]));
  }
  record(k, *op, Kernel(), pointer(op.getResult()));
  return success();
}

LogicalResult FunctionLowering::emitPad(KernelBuilder &k, tensor::PadOp op) {
  DimTable &table = symbols.table;
  Value padding = op.getConstantPaddingValue();
  TypedAttr number = padding ? getUniformConstant(padding) : TypedAttr();
  Value source = getPaddingSource(op);
  if (!number && !source)
    return op.emitOpError("expected a padding that is a constant or the one "
                          "element of a tensor");
  SmallVector<Dim> strides = getStrides(symbols.getDims(op.getResult()));
  Dim offset = Dim::constant(0);
  for (auto [stride, low] :
       llvm::zip_equal(strides, getNumbers(symbols, op.getMixedLowPad())))
    offset = table.add(offset, table.mul(stride, low));
  Value to = pointer(op.getResult());
  int64_t width = getByteWidth(op.getType().getElementType());
  SmallVector<Value> args{
      context, to, emitDim(k, table.product(symbols.getDims(op.getResult())))};
  if (!number)
    args.push_back(pointer(source));
  k.call(number ? getFillKernel(module.lib, number)
                : getFillFromKernel(module.lib, width),
         args);
  SmallVector<Dim> sizes(symbols.getDims(op.getSource()));
  copyBox(k, pointer(op.getSource()), Dim::constant(0), getStrides(sizes), to,
          offset, strides, sizes, width);
  record(k, *op, Kernel(), to);
  return success();
}

LogicalResult FunctionLowering::emitElements(KernelBuilder &k,
                                             tensor::FromElementsOp op) {
  Type element = op.getType().getElementType();
  Value to = pointer(op.getResult());
  for (auto [i, value] : llvm::enumerate(op.getElements())) {
    Value place = k.at(to, int64_t(i) * getByteWidth(element));
    Value number;
    if (TypedAttr constant = getUniformConstant(value)) {
      number = emitNumber(k, constant);
    } else if (auto index = symbols.getIndex(value)) {
      number = emitDim(k, *index);
      if (!element.isIndex() && !element.isInteger(64))
        number = k.trunc(number, element);
    } else {
      return op.emitOpError("has elements that are no constants and do not "
                            "follow from shapes");
    }
    storeNumber(k, number, element, place);
  }
  return success();
}

LogicalResult FunctionLowering::emitConstant(KernelBuilder &k,
                                             arith::ConstantOp op) {
  if (!isa<RankedTensorType>(op.getType()))
    return success();
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError("expected dense elements");
  // Booleans take a byte each.
  auto type = cast<RankedTensorType>(op.getType());
  if (type.getElementType().isInteger(1)) {
    auto bytes = llvm::map_to_vector(elements.getValues<bool>(),
                                     [](bool value) { return int8_t(value); });
    elements = DenseElementsAttr::get(type.clone(k.i8()), ArrayRef(bytes));
  } else if (type.getElementType().isIndex()) {
    auto words = llvm::map_to_vector(
        elements.getValues<APInt>(),
        [](const APInt &value) { return value.getSExtValue(); });
    elements = DenseElementsAttr::get(type.clone(k.i64()), ArrayRef(words));
  }
  elements = elements.reshape(RankedTensorType::get({elements.getNumElements()},
                                                    elements.getElementType()));
  // Constants that are read as they are share an array.
  auto [name, isNew] = module.constants.try_emplace(
      elements, "constant." + std::to_string(module.constants.size()));
  places[op] = {
      addressOf(k, getConstantArray(module.lib, name->second, elements))};
  return success();
}
