//===- ConvPatches.cpp - what the windows of convolutions see -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ConvPatches.h"

#include "Dims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;

Value qnt::createZeroPads(OpBuilder &builder, Location loc, Value images,
                          ArrayRef<int64_t> pads) {
  if (llvm::all_of(pads, [](int64_t pad) { return pad == 0; }))
    return images;
  auto type = cast<RankedTensorType>(images.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> low, high;
  for (int64_t dim = 0; dim < 4; ++dim) {
    bool isWindow = dim == 1 || dim == 2;
    int64_t below = isWindow ? pads[dim - 1] : 0;
    int64_t above = isWindow ? pads[dim + 1] : 0;
    low.push_back(builder.getIndexAttr(below));
    high.push_back(builder.getIndexAttr(above));
    if (!ShapedType::isDynamic(shape[dim]))
      shape[dim] += below + above;
  }
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
  return tensor::PadOp::create(builder, loc, type.clone(shape), images, low,
                               high, zero);
}

Value qnt::createPatches(OpBuilder &builder, nn::ConvOp conv) {
  Location loc = conv.getLoc();
  Value images = createZeroPads(builder, loc, conv.getInput(), conv.getPads());
  int64_t channels = conv.getInput().getType().getDimSize(3);
  ArrayRef<int64_t> kernel = conv.getWeight().getType().getShape().slice(1, 2);
  SmallVector<OpFoldResult> sizes = getDims(builder, loc, conv.getResult());
  sizes[3] = builder.getIndexAttr(channels);
  SmallVector<int64_t> shape(conv.getType().getShape());
  shape[3] = channels;
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto index = [&](int64_t number) {
    return OpFoldResult(builder.getIndexAttr(number));
  };
  SmallVector<OpFoldResult> strides = {index(1), index(conv.getStrides()[0]),
                                       index(conv.getStrides()[1]), index(1)};
  SmallVector<Value> parts;
  for (int64_t i = 0; i < kernel[0]; ++i)
    for (int64_t j = 0; j < kernel[1]; ++j) {
      SmallVector<OpFoldResult> offsets = {
          index(0), index(i * conv.getDilations()[0]),
          index(j * conv.getDilations()[1]), index(0)};
      parts.push_back(tensor::ExtractSliceOp::create(builder, loc, type, images,
                                                     offsets, sizes, strides));
    }
  if (parts.size() == 1)
    return parts.front();
  return tensor::ConcatOp::create(builder, loc, /*dim=*/3, parts);
}

std::string qnt::getPatchesName(const ActivationSite &site, Operation *layer) {
  auto index = llvm::find(site.layers, layer) - site.layers.begin();
  std::string name = site.name + ".patches";
  return index ? name + "." + std::to_string(index) : name;
}
