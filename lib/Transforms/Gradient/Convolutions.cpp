//===- Convolutions.cpp - the rule of convolutions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Convolutions.h"

#include "Rules.h"
#include "Windows.h"

#include "../ConvPatches.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;

ConvMatrices::ConvMatrices(Tensors &t, nn::ConvOp op) : t(t), op(op) {
  ArrayRef<int64_t> weight = op.getWeight().getType().getShape();
  groups = t.size(op.getGroups());
  features = t.size(weight[0] / int64_t(op.getGroups()));
  taps = t.size(weight[1] * weight[2]);
  channels = t.size(weight[3]);
  depth = t.size(weight[1] * weight[2] * weight[3]);
  pixels = t.product(ArrayRef(t.sizesOf(op.getResult())).drop_back());
}

Value ConvMatrices::splitPixels(Value value) {
  value = t.reshape(value, {pixels, groups, features});
  return t.transpose(value, {1, 0, 2});
}

Value ConvMatrices::joinPixels(Value value) {
  return t.asLike(t.transpose(value, {1, 0, 2}), op.getResult());
}

Value ConvMatrices::splitWeight(Value weight) {
  return t.reshape(weight, {groups, features, depth});
}

Value ConvMatrices::emitPatches() {
  Value patches = createPatches(t.builder, op);
  patches = t.reshape(patches, {pixels, taps, groups, channels});
  return t.reshape(t.transpose(patches, {2, 0, 1, 3}), {groups, pixels, depth});
}

/// [groups, pixels, depth] as [B, OH, OW, taps * channels].
static Value joinPatches(Tensors &t, const ConvMatrices &m, nn::ConvOp op,
                         Value value) {
  value = t.reshape(value, {m.groups, m.pixels, m.taps, m.channels});
  value = t.transpose(value, {1, 2, 0, 3});
  Tensors::Sizes sizes = t.sizesOf(op.getResult());
  sizes.back() = t.product({m.taps, m.groups, m.channels});
  return t.reshape(value, sizes);
}

static LogicalResult reverseConv(nn::ConvOp op, ReverseSweep &sweep) {
  if (failed(checkImageShapes(op)))
    return failure();
  Tensors t(sweep.getBuilder(), op.getLoc());
  ConvMatrices m(t, op);
  Value dy = sweep.getCotangent(op.getResult());
  Value pixels = m.splitPixels(dy);
  if (op.getBias() && sweep.isActive(op.getBias()))
    sweep.add(op.getBias(), t.sumLeading(dy, 1));
  if (sweep.isActive(op.getWeight()))
    sweep.add(op.getWeight(),
              t.asLike(t.matmul(t.transposeLast(pixels), m.emitPatches()),
                       op.getWeight()));
  if (!sweep.isActive(op.getInput()))
    return success();
  // What each window says about each of its places, then their sum.
  Value patches =
      joinPatches(t, m, op, t.matmul(pixels, m.splitWeight(op.getWeight())));
  ArrayRef<int64_t> kernel = op.getWeight().getType().getShape().slice(1, 2);
  int64_t width = op.getInput().getType().getDimSize(3);
  Value dx = sumOverWindows(
      t, op.getInput(), nn::Windows::of(op, kernel), op.getType().getShape(),
      [&](Numbers &n, const WindowPoint &point, Value) -> Value {
        auto add = [&](Value x, Value y) -> Value {
          return arith::AddIOp::create(n.builder, n.loc, x, y);
        };
        auto times = [&](Value x, int64_t y) -> Value {
          return arith::MulIOp::create(n.builder, n.loc, x, n.index(y));
        };
        Value tap = add(times(point.tapRow, kernel[1]), point.tapColumn);
        Value place = add(times(tap, width), point.channel);
        return tensor::ExtractOp::create(
            n.builder, n.loc, patches,
            ValueRange{point.batch, point.row, point.column, place});
      });
  sweep.add(op.getInput(), dx);
  return success();
}

void qnt::attachConvolutionRules(MLIRContext *context) {
  attachRule<nn::ConvOp, reverseConv>(context);
}
