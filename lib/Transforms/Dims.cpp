//===- Dims.cpp - sizes of dimensions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Dims.h"

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;

namespace {
/// A dimension of a value, or the size that stands for it.
struct DimSource {
  Value value;
  int64_t dim = 0;
  OpFoldResult size = {};
};
} // namespace

static ArrayRef<int64_t> getShape(Value value) {
  if (auto quantized = dyn_cast<QTensorType>(value.getType()))
    return quantized.getShape();
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// One step up; a null value where there is none.
static DimSource step(Value value, int64_t dim) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  auto same = [&](Value operand) { return DimSource{operand, dim}; };
  // Windows change rows and columns, weights the last dimension.
  auto first = [&](unsigned dims) {
    return int64_t(dims) > dim ? same(op->getOperand(0)) : DimSource();
  };
  return llvm::TypeSwitch<Operation *, DimSource>(op)
      .Case([&](linalg::TransposeOp transpose) {
        return DimSource{transpose.getInput(), transpose.getPermutation()[dim]};
      })
      .Case([&](tensor::EmptyOp empty) {
        return DimSource{value, dim, empty.getMixedSizes()[dim]};
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        if (slice.getType().getRank() != slice.getSourceType().getRank())
          return DimSource();
        return DimSource{value, dim, slice.getMixedSizes()[dim]};
      })
      .Case([&](tensor::PadOp pad) {
        auto isZero = [](OpFoldResult size) {
          return getConstantIntValue(size) == 0;
        };
        return isZero(pad.getMixedLowPad()[dim]) &&
                       isZero(pad.getMixedHighPad()[dim])
                   ? same(pad.getSource())
                   : DimSource();
      })
      .Case([&](tensor::ConcatOp concat) {
        return int64_t(concat.getDim()) != dim ? same(concat.getInputs()[0])
                                               : DimSource();
      })
      .Case([&](tensor::ReshapeOp reshape) {
        auto sizes = reshape.getShape().getDefiningOp<tensor::FromElementsOp>();
        return sizes ? DimSource{value, dim, sizes.getElements()[dim]}
                     : DimSource();
      })
      .Case<nn::ConvOp, nn::PoolOp, ConvOp, MaxPoolOp, AveragePoolOp>(
          [&](auto) { return first(1); })
      .Case<nn::LinearOp, LinearOp, nn::EmbeddingOp, nn::RMSNormOp,
            nn::LayerNormOp, nn::RopeOp, nn::AttentionOp>([&](Operation *rows) {
        return first(getShape(rows->getResult(0)).size() - 1);
      })
      .Case<nn::AddOp, nn::MulOp, nn::ActivationOp, nn::ClampOp, ObserveOp,
            QuantizeOp, DequantizeOp, AddOp, CodesOp, WrapOp, PackOp,
            tensor::CastOp>([&](Operation *elementwise) {
        return same(elementwise->getOperand(0));
      })
      .Case([&](linalg::LinalgOp loops) {
        return same(
            loops.getDpsInitOperand(cast<OpResult>(value).getResultNumber())
                ->get());
      })
      .Default([](Operation *) { return DimSource(); });
}

static DimSource findSource(Value value, int64_t dim) {
  DimSource source{value, dim};
  while (!source.size) {
    int64_t size = getShape(source.value)[source.dim];
    if (!ShapedType::isDynamic(size)) {
      source.size = Builder(value.getContext()).getIndexAttr(size);
      break;
    }
    DimSource next = step(source.value, source.dim);
    if (!next.value)
      break;
    source = next;
  }
  return source;
}

std::pair<Value, int64_t> qnt::getDimSource(Value value, int64_t dim) {
  DimSource source = findSource(value, dim);
  return {source.value, source.dim};
}

OpFoldResult qnt::getDim(OpBuilder &builder, Location loc, Value value,
                         int64_t dim) {
  DimSource source = findSource(value, dim);
  if (source.size)
    return source.size;
  if (isa<QTensorType>(source.value.getType()))
    return DimOp::create(builder, loc, source.value, source.dim).getResult();
  return tensor::DimOp::create(builder, loc, source.value, source.dim)
      .getResult();
}

SmallVector<OpFoldResult> qnt::getDims(OpBuilder &builder, Location loc,
                                       Value value) {
  SmallVector<OpFoldResult> sizes;
  for (size_t dim = 0; dim < getShape(value).size(); ++dim)
    sizes.push_back(getDim(builder, loc, value, dim));
  return sizes;
}

Value qnt::createEmpty(OpBuilder &builder, Location loc, RankedTensorType type,
                       ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> dynamic;
  for (auto [size, number] : llvm::zip_equal(sizes, type.getShape()))
    if (ShapedType::isDynamic(number))
      dynamic.push_back(getValueOrCreateConstantIndexOp(builder, loc, size));
  return tensor::EmptyOp::create(builder, loc, type, dynamic);
}

Value qnt::createShape(OpBuilder &builder, Location loc,
                       ArrayRef<OpFoldResult> sizes) {
  auto type =
      RankedTensorType::get(int64_t(sizes.size()), builder.getIndexType());
  if (auto numbers = getConstantIntValues(sizes))
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(type,
                               llvm::map_to_vector(*numbers, [](int64_t size) {
                                 return APInt(64, size);
                               })));
  return tensor::FromElementsOp::create(
      builder, loc, type, getValueOrCreateConstantIndexOp(builder, loc, sizes));
}

namespace {
template <typename DimOpTy> struct MoveDim : OpRewritePattern<DimOpTy> {
  using OpRewritePattern<DimOpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(DimOpTy op,
                                PatternRewriter &rewriter) const override {
    std::optional<int64_t> dim;
    Value value = op->getOperand(0);
    if constexpr (std::is_same_v<DimOpTy, DimOp>)
      dim = int64_t(op.getDimension());
    else
      dim = op.getConstantIndex();
    auto ranked = dyn_cast<RankedTensorType>(value.getType());
    if (!dim || (ranked && *dim >= ranked.getRank()) ||
        (!ranked && !isa<QTensorType>(value.getType())))
      return rewriter.notifyMatchFailure(op, "is not of a known dimension");
    DimSource source = findSource(value, *dim);
    if (source.value == value && !source.size)
      return rewriter.notifyMatchFailure(op, "is as far up as it can be");
    OpFoldResult size = getDim(rewriter, op.getLoc(), value, *dim);
    rewriter.replaceOp(
        op, getValueOrCreateConstantIndexOp(rewriter, op.getLoc(), size));
    return success();
  }
};
} // namespace

void qnt::populateDimPatterns(RewritePatternSet &patterns) {
  patterns.add<MoveDim<tensor::DimOp>, MoveDim<DimOp>>(patterns.getContext());
}
