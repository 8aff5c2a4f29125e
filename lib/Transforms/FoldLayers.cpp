//===- FoldLayers.cpp - canonical layers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Dims.h"
#include "FoldPatterns.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace qnt;

/// The layer like `layer`, under its name, with these parameters.
static nn::LinearOp createLike(OpBuilder &builder, nn::LinearOp layer,
                               Value weight, Value bias) {
  return nn::LinearOp::create(builder, layer.getLoc(), layer.getInput(), weight,
                              bias);
}
static nn::ConvOp createLike(OpBuilder &builder, nn::ConvOp layer, Value weight,
                             Value bias) {
  return nn::ConvOp::create(builder, layer.getLoc(), layer.getInput(), weight,
                            bias, layer.getStrides(), layer.getPads(),
                            layer.getDilations(), layer.getGroups());
}

namespace {
/// Base: an op with a parameter [N] on what a layer alone gives to it.
template <typename LayerOp, typename OpTy>
struct FoldOutput : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  virtual LayerOp fold(PatternRewriter &rewriter, LayerOp layer,
                       OpTy op) const = 0;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto layer = op.getLhs().template getDefiningOp<LayerOp>();
    if (!layer || !layer->hasOneUse())
      return rewriter.notifyMatchFailure(op, "no layer of its own");
    Value number = op.getRhs();
    if (cast<RankedTensorType>(number.getType()).getRank() != 1 ||
        layer.getType().getRank() == 1 || !isParamExpression(number))
      return rewriter.notifyMatchFailure(op, "no parameter [N]");
    LayerOp folded = fold(rewriter, layer, op);
    if (!folded)
      return rewriter.notifyMatchFailure(op, "layer without parameters");
    rewriter.replaceOp(op, folded);
    rewriter.eraseOp(layer);
    return success();
  }
};

/// y = x * w (+ b), y + c: one layer with the bias b + c.
template <typename LayerOp> struct FoldBias : FoldOutput<LayerOp, nn::AddOp> {
  using FoldOutput<LayerOp, nn::AddOp>::FoldOutput;

  LayerOp fold(PatternRewriter &rewriter, LayerOp layer,
               nn::AddOp add) const override {
    Value bias = add.getRhs();
    if (layer.getBias())
      bias = nn::AddOp::create(rewriter, add.getLoc(), bias.getType(),
                               layer.getBias(), bias);
    return createLike(rewriter, layer, layer.getWeight(), bias);
  }
};

/// y = x * w (+ b), y c: one layer with the weight diag(c) w and the bias b c.
template <typename LayerOp> struct FoldScale : FoldOutput<LayerOp, nn::MulOp> {
  using FoldOutput<LayerOp, nn::MulOp>::FoldOutput;

  LayerOp fold(PatternRewriter &rewriter, LayerOp layer,
               nn::MulOp mul) const override {
    Value weight = layer.getWeight(), bias = layer.getBias();
    if (!isParamExpression(weight) || (bias && !isParamExpression(bias)))
      return {};
    Value scale = mul.getRhs();
    weight = nn::ScaleRowsOp::create(rewriter, weight.getLoc(),
                                     weight.getType(), weight, scale);
    if (bias)
      bias = nn::MulOp::create(rewriter, bias.getLoc(), bias.getType(), bias,
                               scale);
    return createLike(rewriter, layer, weight, bias);
  }
};

/// The zeros of a tensor.pad around rows and columns are those of a
/// convolution, also where images are transposed between them.
struct FoldPads : OpRewritePattern<nn::ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::ConvOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<linalg::TransposeOp>();
    auto pad = (transpose ? transpose.getInput() : op.getInput())
                   .getDefiningOp<tensor::PadOp>();
    if (!pad || !pad.getConstantPaddingValue() ||
        !matchPattern(pad.getConstantPaddingValue(), m_AnyZeroFloat()))
      return rewriter.notifyMatchFailure(op, "has no zeros around its images");
    auto low = getConstantIntValues(pad.getMixedLowPad());
    auto high = getConstantIntValues(pad.getMixedHighPad());
    if (!low || !high)
      return rewriter.notifyMatchFailure(op, "pads known at run time only");
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, 4));
    if (transpose)
      order.assign(transpose.getPermutation().begin(),
                   transpose.getPermutation().end());
    SmallVector<int64_t> pads(op.getPads());
    for (auto [dim, from] : llvm::enumerate(order)) {
      int64_t below = (*low)[from], above = (*high)[from];
      bool isWindow = dim == 1 || dim == 2;
      if (below < 0 || above < 0 || (!isWindow && (below || above)))
        return rewriter.notifyMatchFailure(op, "pads of other dimensions");
      if (isWindow) {
        pads[dim - 1] += below;
        pads[dim + 1] += above;
      }
    }
    // Static sizes may be known of the padded images alone.
    if (pad.getSourceType().getDimSize(order[3]) !=
        pad.getType().getDimSize(order[3]))
      return rewriter.notifyMatchFailure(op, "channels of unknown number");
    Value images = pad.getSource();
    if (transpose) {
      auto sizes =
          applyPermutation(getDims(rewriter, op.getLoc(), images), order);
      auto type = pad.getSourceType().clone(
          applyPermutation(pad.getSourceType().getShape(), order));
      Value init = createEmpty(rewriter, op.getLoc(), type, sizes);
      images = linalg::TransposeOp::create(rewriter, transpose.getLoc(), images,
                                           init, order)
                   ->getResult(0);
    }
    auto folded = nn::ConvOp::create(
        rewriter, op.getLoc(), images, op.getWeight(), op.getBias(),
        op.getStrides(), pads, op.getDilations(), op.getGroups());
    if (folded.getType() == op.getType())
      rewriter.replaceOp(op, folded);
    else
      rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getType(), folded);
    return success();
  }
};

struct RemoveEmptyPad : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::PadOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasZeroLowPad() || !op.hasZeroHighPad())
      return rewriter.notifyMatchFailure(op, "pads");
    if (op.getSourceType() == op.getType())
      rewriter.replaceOp(op, op.getSource());
    else
      rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getType(),
                                                  op.getSource());
    return success();
  }
};
} // namespace

void qnt::populateFoldLayerPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldBias<nn::LinearOp>, FoldBias<nn::ConvOp>,
               FoldScale<nn::LinearOp>, FoldScale<nn::ConvOp>, FoldPads,
               RemoveEmptyPad>(patterns.getContext());
}
