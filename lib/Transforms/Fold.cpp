//===- Fold.cpp - canonical layers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Dims.h"
#include "FoldPatterns.h"
#include "Rewrite.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/NN/NN.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

namespace qnt {
#define GEN_PASS_DEF_NNFOLD
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

/// A tensor like `value` with one number everywhere.
static Value createSplat(OpBuilder &builder, Value like, double number) {
  auto type = cast<RankedTensorType>(like.getType());
  return arith::ConstantOp::create(
      builder, like.getLoc(),
      DenseElementsAttr::get(
          type, builder.getFloatAttr(type.getElementType(), number)));
}

/// Whether `value` is a constant of this number everywhere.
static bool isSplat(Value value, double number) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  if (!constant)
    return false;
  auto elements = dyn_cast<DenseFPElementsAttr>(constant.getValue());
  return elements && elements.isSplat() &&
         elements.getSplatValue<APFloat>().isExactlyValue(number);
}

namespace {
/// Adds the linear layers that take `value` as input, perhaps some rows of it,
/// or what private functions return; fails where anything else uses it, or
/// where a weight is no parameter.
LogicalResult collectUsers(Value value, SmallVectorImpl<nn::LinearOp> &result) {
  for (OpOperand &use : value.getUses()) {
    Operation *op = use.getOwner();
    if (auto linear = dyn_cast<nn::LinearOp>(op)) {
      if (use.getOperandNumber() != 0 ||
          !isParamExpression(linear.getWeight()) ||
          (linear.getBias() && !isParamExpression(linear.getBias())))
        return failure();
      result.push_back(linear);
    } else if (isa<nn::SelectRowsOp, tensor::CastOp>(op)) {
      if (failed(collectUsers(op->getResult(0), result)))
        return failure();
    } else if (isa<func::ReturnOp>(op)) {
      auto function = cast<func::FuncOp>(op->getParentOp());
      auto calls = SymbolTable::getSymbolUses(
          function, function->getParentOfType<ModuleOp>());
      if (!function.isPrivate() || !calls)
        return failure();
      for (SymbolTable::SymbolUse call : *calls)
        if (!isa<func::CallOp>(call.getUser()) ||
            failed(collectUsers(
                call.getUser()->getResult(use.getOperandNumber()), result)))
          return failure();
    } else {
      return failure();
    }
  }
  return success();
}

/// The linear layers that alone use `norm`; empty where there are others.
SmallVector<nn::LinearOp> getFoldableUsers(Value norm) {
  SmallVector<nn::LinearOp> result;
  return succeeded(collectUsers(norm, result)) ? result
                                               : SmallVector<nn::LinearOp>();
}

/// A parameter expression in the function where the rewriter is.
Value bringHere(PatternRewriter &rewriter, Value value) {
  Operation *op = value.getDefiningOp();
  Region *here = rewriter.getInsertionBlock()->getParent();
  if (op->getParentRegion() == here)
    return value;
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, bringHere(rewriter, operand));
  return rewriter.clone(*op, mapping)
      ->getResult(cast<OpResult>(value).getResultNumber());
}

/// w diag(scale) in place of w.
void scaleWeight(PatternRewriter &rewriter, nn::LinearOp linear, Value scale) {
  rewriter.setInsertionPoint(linear);
  Value weight = linear.getWeight();
  Value scaled = nn::MulOp::create(rewriter, weight.getLoc(), weight.getType(),
                                   weight, bringHere(rewriter, scale));
  rewriter.modifyOpInPlace(linear,
                           [&] { linear.getWeightMutable().assign(scaled); });
}

struct FoldRMSNorm : OpRewritePattern<nn::RMSNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::RMSNormOp norm,
                                PatternRewriter &rewriter) const override {
    Value scale = norm.getScale();
    if (norm.getGroups() != 1)
      return rewriter.notifyMatchFailure(norm, "is a norm of heads");
    if (!isParamExpression(scale) || isSplat(scale, 1))
      return rewriter.notifyMatchFailure(norm, "has no scale to fold");
    SmallVector<nn::LinearOp> users = getFoldableUsers(norm.getResult());
    if (users.empty())
      return rewriter.notifyMatchFailure(norm, "has users that cannot take it");
    for (nn::LinearOp linear : users)
      scaleWeight(rewriter, linear, scale);
    rewriter.setInsertionPoint(norm);
    Value ones = createSplat(rewriter, scale, 1);
    rewriter.modifyOpInPlace(norm,
                             [&] { norm.getScaleMutable().assign(ones); });
    return success();
  }
};

struct FoldLayerNorm : OpRewritePattern<nn::LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::LayerNormOp norm,
                                PatternRewriter &rewriter) const override {
    Value scale = norm.getScale(), shift = norm.getShift();
    if (!isParamExpression(scale) || !isParamExpression(shift) ||
        (isSplat(scale, 1) && isSplat(shift, 0)))
      return rewriter.notifyMatchFailure(norm, "has nothing to fold");
    SmallVector<nn::LinearOp> users = getFoldableUsers(norm.getResult());
    if (users.empty())
      return rewriter.notifyMatchFailure(norm, "has users that cannot take it");
    for (nn::LinearOp linear : users) {
      rewriter.setInsertionPoint(linear);
      // The bias takes the shift through the weight as it was.
      Value bias = nn::LinearOp::create(rewriter, linear.getLoc(),
                                        bringHere(rewriter, shift),
                                        linear.getWeight(), linear.getBias());
      rewriter.modifyOpInPlace(linear,
                               [&] { linear.getBiasMutable().assign(bias); });
      scaleWeight(rewriter, linear, scale);
    }
    rewriter.setInsertionPoint(norm);
    Value ones = createSplat(rewriter, scale, 1);
    Value zeros = createSplat(rewriter, shift, 0);
    rewriter.modifyOpInPlace(norm, [&] {
      norm.getScaleMutable().assign(ones);
      norm.getShiftMutable().assign(zeros);
    });
    return success();
  }
};

class NNFoldPass : public qnt::impl::NNFoldBase<NNFoldPass> {
public:
  using NNFoldBase::NNFoldBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateFoldLayerPatterns(patterns);
    populateDimPatterns(patterns);
    if (norms)
      patterns.add<FoldRMSNorm, FoldLayerNorm>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
