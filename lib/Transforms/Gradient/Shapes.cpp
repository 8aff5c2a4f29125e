//===- Shapes.cpp - rules of reshapes, slices, concatenations, pads ------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Tensors.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace qnt;

/// Ops that keep the elements in their order.
template <typename OpTy>
static LogicalResult reverseView(OpTy op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value source = op->getOperand(0);
  sweep.add(source, t.asLike(sweep.getCotangent(op->getResult(0)), source));
  return success();
}

static OpFoldResult subtract(Tensors &t, OpFoldResult x, OpFoldResult y) {
  auto a = getConstantIntValue(x), b = getConstantIntValue(y);
  if (a && b)
    return t.size(*a - *b);
  if (b == 0)
    return x;
  return arith::SubIOp::create(t.builder, t.loc, t.asValue(x), t.asValue(y))
      .getResult();
}

static OpFoldResult plus(Tensors &t, OpFoldResult x, OpFoldResult y) {
  auto a = getConstantIntValue(x), b = getConstantIntValue(y);
  if (a && b)
    return t.size(*a + *b);
  return arith::AddIOp::create(t.builder, t.loc, t.asValue(x), t.asValue(y))
      .getResult();
}

static Value slice(Tensors &t, Value value, ArrayRef<OpFoldResult> offsets,
                   ArrayRef<OpFoldResult> sizes) {
  Tensors::Sizes strides(sizes.size(), t.size(1));
  return tensor::ExtractSliceOp::create(t.builder, t.loc, t.typeOf(sizes),
                                        value, offsets, sizes, strides);
}

/// `dy`, of the slice's sizes, where the slice took it from, and zeros.
static Value spreadSlice(Tensors &t, tensor::ExtractSliceOp op, Value dy) {
  Tensors::Sizes offsets = op.getMixedOffsets(), sizes = op.getMixedSizes();
  Tensors::Sizes strides = op.getMixedStrides();
  Tensors::Sizes loops = t.sizesOf(op.getSource());
  return t.nest(
      loops, {}, llvm::to_vector(llvm::seq<int64_t>(loops.size())),
      [&](Numbers &n, ValueRange) {
        auto emit = [&](auto op, Value x, Value y) -> Value {
          return decltype(op)::create(n.builder, n.loc, x, y);
        };
        auto numberOf = [&](OpFoldResult value) {
          auto known = getConstantIntValue(value);
          return known ? n.index(*known) : cast<Value>(value);
        };
        SmallVector<Value> places;
        Value isTaken;
        for (size_t i = 0; i < loops.size(); ++i) {
          Value stride = numberOf(strides[i]);
          Value distance =
              emit(arith::SubIOp(), n.loop(i), numberOf(offsets[i]));
          Value last = emit(arith::SubIOp(), numberOf(sizes[i]), n.index(1));
          Value number =
              emit(arith::DivSIOp(),
                   emit(arith::MaxSIOp(), distance, n.index(0)), stride);
          Value place = emit(arith::MinSIOp(), number, last);
          Value isThis = arith::CmpIOp::create(
              n.builder, n.loc, arith::CmpIPredicate::eq,
              emit(arith::MulIOp(), place, stride), distance);
          isTaken = i ? emit(arith::AndIOp(), isTaken, isThis) : isThis;
          places.push_back(place);
        }
        Value element = tensor::ExtractOp::create(n.builder, n.loc, dy, places);
        return n.where(isTaken, element);
      });
}

static LogicalResult reverseSlice(tensor::ExtractSliceOp op,
                                  ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Tensors::Sizes sizes = op.getMixedSizes(), low = op.getMixedOffsets(), high;
  // Dimensions that the slice drops have size 1.
  Value dy = t.reshape(sweep.getCotangent(op.getResult()), sizes);
  if (!op.hasUnitStride()) {
    sweep.add(op.getSource(), spreadSlice(t, op, dy));
    return success();
  }
  Tensors::Sizes all = t.sizesOf(op.getSource());
  for (auto [size, first, whole] : llvm::zip_equal(sizes, low, all))
    high.push_back(subtract(t, subtract(t, whole, first), size));
  Value zero = Numbers(t.builder, t.loc).f32(0);
  sweep.add(op.getSource(),
            tensor::PadOp::create(t.builder, t.loc, op.getSource().getType(),
                                  dy, low, high, zero));
  return success();
}

static LogicalResult reverseConcat(tensor::ConcatOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  OpFoldResult first = t.size(0);
  for (Value input : op.getInputs()) {
    Tensors::Sizes sizes = t.sizesOf(input);
    Tensors::Sizes offsets(sizes.size(), t.size(0));
    offsets[op.getDim()] = first;
    if (sweep.isActive(input))
      sweep.add(input, slice(t, dy, offsets, sizes));
    first = plus(t, first, sizes[op.getDim()]);
  }
  return success();
}

static LogicalResult reversePad(tensor::PadOp op, ReverseSweep &sweep) {
  Value padding = op.getConstantPaddingValue();
  if (!padding || sweep.isActive(padding))
    return op.emitOpError("has a rule for its gradient where the padding is a "
                          "constant");
  Tensors t(sweep.getBuilder(), op.getLoc());
  sweep.add(op.getSource(),
            slice(t, sweep.getCotangent(op.getResult()), op.getMixedLowPad(),
                  t.sizesOf(op.getSource())));
  return success();
}

void qnt::attachShapeRules(MLIRContext *context) {
  attachRule<tensor::ReshapeOp, reverseView<tensor::ReshapeOp>>(context);
  attachRule<tensor::CollapseShapeOp, reverseView<tensor::CollapseShapeOp>>(
      context);
  attachRule<tensor::ExpandShapeOp, reverseView<tensor::ExpandShapeOp>>(
      context);
  attachRule<tensor::CastOp, reverseView<tensor::CastOp>>(context);
  attachRule<tensor::ExtractSliceOp, reverseSlice>(context);
  attachRule<tensor::ConcatOp, reverseConcat>(context);
  attachRule<tensor::PadOp, reversePad>(context);
}
