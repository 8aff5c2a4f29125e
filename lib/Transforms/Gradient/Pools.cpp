//===- Pools.cpp - the rule of pooling -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Windows.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;

/// 1 / the number of places that each window counts along both axes.
static Value createShares(Tensors &t, nn::PoolOp op,
                          const nn::Windows &windows) {
  ArrayRef<int64_t> input = op.getInput().getType().getShape();
  ArrayRef<int64_t> output = op.getType().getShape();
  auto countOf = [&](unsigned axis, int64_t number) {
    int64_t count = 0;
    for (int64_t tap = 0; tap < windows.kernel[axis]; ++tap) {
      int64_t place = number * windows.strides[axis] +
                      tap * windows.dilations[axis] -
                      windows.getPadBefore(axis);
      count += op.getCountPads() || (place >= 0 && place < input[axis + 1]);
    }
    return count;
  };
  SmallVector<float> shares;
  for (int64_t y = 0; y < output[1]; ++y)
    for (int64_t x = 0; x < output[2]; ++x)
      shares.push_back(float(1.0 / double(countOf(0, y) * countOf(1, x))));
  auto type = RankedTensorType::get(output.slice(1, 2), t.builder.getF32Type());
  return arith::ConstantOp::create(
      t.builder, t.loc, DenseElementsAttr::get(type, ArrayRef(shares)));
}

static Value extractPoint(Numbers &n, Value windows, const WindowPoint &point) {
  return tensor::ExtractOp::create(
      n.builder, n.loc, windows,
      ValueRange{point.batch, point.row, point.column, point.channel});
}

static Value reverseAverage(Tensors &t, nn::PoolOp op, Value dy,
                            const nn::Windows &windows) {
  Tensors::Operand all{dy, {0, 1, 2, 3}};
  Value shares = createShares(t, op, windows);
  Value scaled = t.nest(
      t.sizesOf(dy), {all, {shares, {1, 2}}}, {0, 1, 2, 3},
      [](Numbers &n, ValueRange args) { return n.mul(args[0], args[1]); });
  return sumOverWindows(t, op.getInput(), windows, op.getType().getShape(),
                        [&](Numbers &n, const WindowPoint &point, Value) {
                          return extractPoint(n, scaled, point);
                        });
}

/// Numbers that share a maximum share its cotangent.
static Value reverseMaximum(Tensors &t, nn::PoolOp op, Value dy,
                            const nn::Windows &windows) {
  Value x = op.getInput(), y = op.getResult();
  auto equals = [](Numbers &n, Value a, Value b) -> Value {
    return arith::CmpFOp::create(n.builder, n.loc, arith::CmpFPredicate::OEQ, a,
                                 b);
  };
  ArrayRef<int64_t> input = op.getInput().getType().getShape();
  Tensors::Sizes loops = t.sizesOf(y);
  loops.append({t.size(windows.kernel[0]), t.size(windows.kernel[1])});
  Value counts = t.nest(
      loops, {{y, {0, 1, 2, 3}}, {t.extents(windows.kernel), {4, 5}}},
      {0, 1, 2, 3}, [&](Numbers &n, ValueRange args) {
        auto emit = [&](auto op, Value a, int64_t b) -> Value {
          return decltype(op)::create(n.builder, n.loc, a, n.index(b));
        };
        Value isInside, places[2];
        for (unsigned axis : {0, 1}) {
          Value place = arith::AddIOp::create(
              n.builder, n.loc,
              emit(arith::MulIOp(), n.loop(axis + 1), windows.strides[axis]),
              emit(arith::MulIOp(), n.loop(axis + 4), windows.dilations[axis]));
          place = emit(arith::SubIOp(), place, windows.getPadBefore(axis));
          Value clamped =
              emit(arith::MinSIOp(), emit(arith::MaxSIOp(), place, 0),
                   input[axis + 1] - 1);
          Value same = arith::CmpIOp::create(
              n.builder, n.loc, arith::CmpIPredicate::eq, place, clamped);
          places[axis] = clamped;
          isInside =
              axis ? arith::AndIOp::create(n.builder, n.loc, isInside, same)
                         .getResult()
                   : same;
        }
        Value element = tensor::ExtractOp::create(
            n.builder, n.loc, x,
            ValueRange{n.loop(0), places[0], places[1], n.loop(3)});
        Value isLargest = arith::AndIOp::create(n.builder, n.loc, isInside,
                                                equals(n, element, args[0]));
        return n.where(isLargest, n.f32(1));
      });
  Value shares = t.map({dy, counts}, [](Numbers &n, ValueRange args) {
    return n.div(args[0], args[1]);
  });
  return sumOverWindows(
      t, x, windows, op.getType().getShape(),
      [&](Numbers &n, const WindowPoint &point, Value element) {
        Value largest = extractPoint(n, y, point);
        return n.where(equals(n, element, largest),
                       extractPoint(n, shares, point));
      });
}

static LogicalResult reversePool(nn::PoolOp op, ReverseSweep &sweep) {
  if (failed(checkImageShapes(op)))
    return failure();
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  nn::Windows windows = nn::Windows::of(op, op.getKernel());
  sweep.add(op.getInput(), op.getKind() == nn::PoolKind::Max
                               ? reverseMaximum(t, op, dy, windows)
                               : reverseAverage(t, op, dy, windows));
  return success();
}

void qnt::attachPoolRules(MLIRContext *context) {
  attachRule<nn::PoolOp, reversePool>(context);
}
