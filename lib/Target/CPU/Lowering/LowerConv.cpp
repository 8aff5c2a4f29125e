//===- LowerConv.cpp - operations on images to kernel calls -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Convolutions.h"
#include "FunctionLowering.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

void FunctionLowering::appendEpilogue(KernelBuilder &k, EpilogueOp op,
                                      SmallVectorImpl<Value> &args) {
  args.push_back(pointer(op->getResult(0)));
  for (Value operand : op.getExtra())
    llvm::append_range(args, pointers(operand));
}

LogicalResult FunctionLowering::emitConv(KernelBuilder &k, qnt::ConvOp op) {
  QTensorType weight = op.getWeight().getType();
  auto load = op.getWeight().getDefiningOp<ml_program::GlobalLoadConstOp>();
  if (!load || !weight.getLayout())
    return op.emitOpError("expected a materialised weight in a packed layout "
                          "(run qnt-cpu-layout and qnt-materialize-params)");
  if (!op.getStrategy())
    return op.emitOpError("has no strategy (run qnt-cpu-strategy)");
  ConvShape shape = getConvShape(op);
  Value batch = dimOf(k, op.getInput(), 0);
  SmallVector<Value> x(pointers(op.getInput()));
  if (auto padded = scratch.find(op); padded != scratch.end()) {
    std::array<int64_t, 4> pads;
    llvm::copy(op.getPads(), pads.begin());
    Kernel pad =
        getPadImagesKernel(module.lib, Grid::of(op.getInput().getType()), pads);
    Value copy = bufferAt(k, padded->second);
    k.call(pad, {context, x.front(), copy, batch});
    x.front() = copy;
  }
  while (x.size() < 3)
    x.push_back(null(k));
  Kernel kernel = getConvKernel(module.lib, shape);
  SmallVector<Value> args{context};
  llvm::append_range(args, x);
  args.push_back(pointer(op.getWeight()));
  args.push_back(batch);
  appendEpilogue(k, op, args);
  k.call(kernel, args);
  int64_t bytes = cast<Layout>(weight.getLayout()).getByteSize(weight);
  module.weightBytes[load.getGlobal().getLeafReference().str()] = bytes;
  int64_t products = 1;
  for (int64_t size : weight.getShape())
    products *= size;
  finish(k, *op, kernel, products, bytes);
  return success();
}

LogicalResult FunctionLowering::emitRowsLinear(KernelBuilder &k,
                                               qnt::LinearOp op) {
  QTensorType weight = op.getWeight().getType();
  auto load = op.getWeight().getDefiningOp<ml_program::GlobalLoadConstOp>();
  auto input = cast<QTensorType>(op.getInput().getType());
  if (!load || !isa_and_present<ImageAttr>(input.getLayout()))
    return op.emitOpError("expected a materialised weight and an input in a "
                          "layout (run qnt-cpu-layout and "
                          "qnt-materialize-params)");
  if (!op.getStrategy())
    return op.emitOpError("has no strategy (run qnt-cpu-strategy)");
  if (input.getRank() == 4)
    return op.emitOpError("the CPU target has no lowering for linear layers on "
                          "images of codes, got ")
           << input;
  Kernel kernel = getConvKernel(module.lib, getConvShape(op));
  SmallVector<Value> args{context};
  llvm::append_range(args, pointers(op.getInput()));
  args.push_back(pointer(op.getWeight()));
  args.push_back(rowsOf(k, op.getInput()));
  appendEpilogue(k, op, args);
  k.call(kernel, args);
  int64_t bytes = cast<Layout>(weight.getLayout()).getByteSize(weight);
  module.weightBytes[load.getGlobal().getLeafReference().str()] = bytes;
  finish(k, *op, kernel, weight.getShape()[0] * weight.getShape()[1], bytes);
  return success();
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

void FunctionLowering::placeScales(KernelBuilder &k, Operation &op) {
  if (op.getNumResults() != 1)
    return;
  Value result = op.getResult(0);
  auto type = dyn_cast<QTensorType>(result.getType());
  if (!type || !isa_and_present<ImageAttr>(type.getLayout()))
    return;
  Value scale, zero;
  if (auto pool = dyn_cast<MaxPoolOp>(op)) {
    ArrayRef<Value> input = pointers(pool.getInput());
    SmallVector<Value> scales(input.drop_front());
    llvm::append_range(places[result], scales);
    return;
  }
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    scale = quantize.getScale();
    zero = quantize.getZero();
  } else if (auto wrap = dyn_cast<WrapOp>(op)) {
    scale = wrap.getScale();
    zero = wrap.getZero();
  } else if (auto add = dyn_cast<qnt::AddOp>(op)) {
    scale = add.getScale();
    zero = add.getZero();
  } else if (auto contraction = dyn_cast<EpilogueOp>(op)) {
    OperandRange extra = contraction.getExtra();
    bool hasZero = type.hasZeros();
    scale = extra[extra.size() - (hasZero ? 2 : 1)];
    zero = hasZero ? extra.back() : Value();
  }
  Value scalePointer = pointer(scale), zeroPointer = pointerOrNull(k, zero);
  llvm::append_values(places[result], scalePointer, zeroPointer);
}

void FunctionLowering::finish(KernelBuilder &k, Operation &op, Kernel kernel,
                              int64_t macs, int64_t bytes) {
  Value result = op.getResult(0);
  auto type = dyn_cast<QTensorType>(result.getType());
  auto image =
      type ? dyn_cast_if_present<ImageAttr>(type.getLayout()) : ImageAttr();
  if (image &&
      llvm::any_of(image.getHalo(), [](int64_t size) { return size > 0; }))
    k.call(
        getFillHaloKernel(module.lib, Grid::of(type)),
        {context, pointer(result), pointers(result)[2], imagesOf(k, result)});
  record(k, op, kernel, pointer(result), macs, bytes);
}

/// Whether `value` holds codes in #qnt.image.
static bool isImage(Value value) {
  auto type = dyn_cast<QTensorType>(value.getType());
  return type && isa_and_present<ImageAttr>(type.getLayout());
}

LogicalResult FunctionLowering::emitQuantizeImages(KernelBuilder &k,
                                                   QuantizeOp op) {
  ArrayRef<Value> codes = pointers(op.getResult());
  Kernel kernel = getQuantizeImagesKernel(
      module.lib, ImageShape::of(op.getResult().getType()));
  k.call(kernel, {context, pointer(op.getInput()), codes[0],
                  imagesOf(k, op.getResult()), codes[1], codes[2]});
  finish(k, *op, kernel);
  return success();
}

LogicalResult FunctionLowering::emitDequantizeImages(KernelBuilder &k,
                                                     DequantizeOp op) {
  ArrayRef<Value> codes = pointers(op.getInput());
  Kernel kernel = getDequantizeImagesKernel(
      module.lib, ImageShape::of(op.getInput().getType()));
  k.call(kernel, {context, pointer(op.getResult()), codes[0],
                  imagesOf(k, op.getInput()), codes[1], codes[2]});
  finish(k, *op, kernel);
  return success();
}

LogicalResult FunctionLowering::emitCodes(KernelBuilder &k, CodesOp op) {
  if (!isImage(op.getInput()))
    return op.emitOpError("the CPU target has no lowering for the codes of ")
           << op.getInput().getType();
  Kernel kernel = getCodesKernel(
      module.lib, ImageShape::of(op.getInput().getType()),
      getElementTypeOrSelf(op.getResult()).getIntOrFloatBitWidth(),
      /*wrap=*/false);
  k.call(kernel, {context, pointer(op.getResult()), pointer(op.getInput()),
                  imagesOf(k, op.getInput())});
  finish(k, *op, kernel);
  return success();
}

LogicalResult FunctionLowering::emitWrap(KernelBuilder &k, WrapOp op) {
  if (!isImage(op.getResult()))
    return op.emitOpError("the CPU target has no lowering for ")
           << op.getResult().getType();
  Kernel kernel = getCodesKernel(
      module.lib, ImageShape::of(op.getResult().getType()),
      getElementTypeOrSelf(op.getCodes()).getIntOrFloatBitWidth(),
      /*wrap=*/true);
  k.call(kernel, {context, pointer(op.getCodes()), pointer(op.getResult()),
                  imagesOf(k, op.getResult())});
  finish(k, *op, kernel);
  return success();
}

LogicalResult FunctionLowering::emitAddCodes(KernelBuilder &k, qnt::AddOp op) {
  Kernel kernel =
      getAddCodesKernel(module.lib, ImageShape::of(op.getLhs().getType()),
                        ImageShape::of(op.getRhs().getType()),
                        ImageShape::of(op.getResult().getType()));
  SmallVector<Value> args{context};
  llvm::append_range(args, pointers(op.getLhs()));
  llvm::append_range(args, pointers(op.getRhs()));
  args.push_back(imagesOf(k, op.getResult()));
  llvm::append_range(args, pointers(op.getResult()));
  k.call(kernel, args);
  finish(k, *op, kernel);
  return success();
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

template <typename Op>
static PoolShape getPoolShape(Op op, const nn::Windows &windows) {
  PoolShape shape;
  Type input = op.getInput().getType();
  shape.input = Grid::of(input);
  shape.output = Grid::of(op.getResult().getType());
  shape.channels = isa<QTensorType>(input)
                       ? cast<QTensorType>(input).getShape().back()
                       : cast<RankedTensorType>(input).getShape().back();
  llvm::copy(windows.kernel, shape.kernel.begin());
  llvm::copy(windows.strides, shape.strides.begin());
  llvm::copy(windows.dilations, shape.dilations.begin());
  llvm::copy(windows.pads, shape.pads.begin());
  return shape;
}

LogicalResult FunctionLowering::emitPool(KernelBuilder &k, nn::PoolOp op) {
  auto type = op.getInput().getType();
  if (type.isDynamicDim(1) || type.isDynamicDim(2))
    return op.emitOpError("the CPU target has no lowering for images of "
                          "dynamic height or width");
  PoolShape shape = getPoolShape(op, nn::Windows::of(op, op.getKernel()));
  Kernel kernel =
      op.getKind() == nn::PoolKind::Max
          ? getMaxPoolKernel(module.lib, shape)
          : getMeanPoolImagesKernel(module.lib, shape, op.getCountPads());
  k.call(kernel, {context, pointer(op.getInput()), dimOf(k, op.getInput(), 0),
                  pointer(op.getResult())});
  record(k, *op, kernel, pointer(op.getResult()));
  return success();
}

LogicalResult FunctionLowering::emitMaxPool(KernelBuilder &k, MaxPoolOp op) {
  Kernel kernel =
      getMaxPoolKernel(module.lib, getPoolShape(op, op.getWindows()));
  k.call(kernel, {context, pointer(op.getInput()), dimOf(k, op.getInput(), 0),
                  pointer(op.getResult())});
  finish(k, *op, kernel);
  return success();
}

LogicalResult FunctionLowering::emitAveragePool(KernelBuilder &k,
                                                AveragePoolOp op) {
  Kernel kernel = getAveragePoolKernel(
      module.lib, getPoolShape(op, op.getWindows()), EpilogueSpec::of(op));
  ArrayRef<Value> input = pointers(op.getInput());
  SmallVector<Value> args{context, input[0], dimOf(k, op.getInput(), 0),
                          input[1], input[2]};
  appendEpilogue(k, op, args);
  k.call(kernel, args);
  finish(k, *op, kernel);
  return success();
}
