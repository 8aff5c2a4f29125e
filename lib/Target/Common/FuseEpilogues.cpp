//===- FuseEpilogues.cpp - one contraction form, fused -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/Common/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace qnt::target {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "qnt/Target/Common/Passes.h.inc"
} // namespace qnt::target

using namespace mlir;
using namespace qnt;

namespace {

EpilogueKind toEpilogue(nn::ActivationKind kind) {
  switch (kind) {
  case nn::ActivationKind::Relu:
    return EpilogueKind::Relu;
  case nn::ActivationKind::Gelu:
    return EpilogueKind::Gelu;
  case nn::ActivationKind::GeluTanh:
    return EpilogueKind::GeluTanh;
  case nn::ActivationKind::Silu:
    return EpilogueKind::Silu;
  case nn::ActivationKind::Tanh:
    return EpilogueKind::Tanh;
  case nn::ActivationKind::Sigmoid:
    return EpilogueKind::Sigmoid;
  }
  llvm_unreachable("unknown activation");
}

/// The weight of a float layer, as a quantised one that keeps f32 codes.
Value toCodes(PatternRewriter &rewriter, Location loc,
              TypedValue<RankedTensorType> weight) {
  MLIRContext *context = rewriter.getContext();
  auto type = QTensorType::get(context, weight.getType().getShape(),
                               parseFormat("f32", context),
                               BlockAttr::get(context, BlockKind::Unscaled, 0),
                               Type(), ZeroKind::None, Attribute());
  return QuantizeOp::create(rewriter, loc, type, weight, Value(), Value(),
                            ClipMethod::AbsMax);
}

/// The steps that a layer begins with, and their operands.
ArrayAttr getSteps(PatternRewriter &rewriter, Value bias,
                   SmallVectorImpl<Value> &operands) {
  SmallVector<Attribute> steps;
  if (bias) {
    steps.push_back(
        EpilogueKindAttr::get(rewriter.getContext(), EpilogueKind::Bias));
    operands.push_back(bias);
  }
  return rewriter.getArrayAttr(steps);
}

/// nn.linear on floats is a qnt.linear.
struct LinearToQuantized : OpRewritePattern<nn::LinearOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::LinearOp op,
                                PatternRewriter &rewriter) const override {
    Value codes = toCodes(rewriter, op.getLoc(), op.getWeight());
    SmallVector<Value> operands;
    ArrayAttr steps = getSteps(rewriter, op.getBias(), operands);
    rewriter.replaceOpWithNewOp<qnt::LinearOp>(op, op.getInput(), codes,
                                               operands, steps, Strategy());
    return success();
  }
};

/// nn.conv on floats is a qnt.conv.
struct ConvToQuantized : OpRewritePattern<nn::ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ConvOp op,
                                PatternRewriter &rewriter) const override {
    Value codes = toCodes(rewriter, op.getLoc(), op.getWeight());
    SmallVector<Value> operands;
    ArrayAttr steps = getSteps(rewriter, op.getBias(), operands);
    rewriter.replaceOpWithNewOp<qnt::ConvOp>(
        op, op.getType(), op.getInput(), codes, operands, op.getStrides(),
        op.getPads(), op.getDilations(), op.getGroups(), steps,
        ConvStrategyAttr());
    return success();
  }
};

/// The contraction whose numbers `value` is and that nobody else uses, where
/// more steps may follow.
template <typename Op> Op getFusible(Value value) {
  auto op = value.getDefiningOp<Op>();
  return op && op->hasOneUse() && !isIntegerEpilogue(op.getEpilogue()) ? op
                                                                       : Op();
}

/// Rebuilds `contraction` at `consumer` with one more epilogue step.
template <typename Op>
void fuse(PatternRewriter &rewriter, Op contraction, Operation *consumer,
          EpilogueKind kind, Value operand) {
  SmallVector<Attribute> steps(contraction.getEpilogue().getValue());
  steps.push_back(EpilogueKindAttr::get(rewriter.getContext(), kind));
  auto fused = cast<Op>(rewriter.clone(*contraction));
  fused.setEpilogueAttr(rewriter.getArrayAttr(steps));
  if (operand)
    fused.getExtraMutable().append(operand);
  rewriter.replaceOp(consumer, fused);
  rewriter.eraseOp(contraction);
}

template <typename Op>
struct FuseActivation : OpRewritePattern<nn::ActivationOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ActivationOp op,
                                PatternRewriter &rewriter) const override {
    auto contraction = getFusible<Op>(op.getInput());
    if (!contraction)
      return rewriter.notifyMatchFailure(op, "not the only use of a layer");
    fuse(rewriter, contraction, op, toEpilogue(op.getKind()), Value());
    return success();
  }
};

template <typename Op, typename BinaryOp, EpilogueKind kind>
struct FuseBinary : OpRewritePattern<BinaryOp> {
  using OpRewritePattern<BinaryOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(BinaryOp op,
                                PatternRewriter &rewriter) const override {
    // Of two layers, the later one takes the other's result: it is the one
    // whose own result is then never stored unfused.
    SmallVector<std::pair<Op, Value>> choices;
    for (auto [value, other] :
         {std::pair<Value, Value>(op.getLhs(), op.getRhs()),
          std::pair<Value, Value>(op.getRhs(), op.getLhs())}) {
      auto contraction = getFusible<Op>(value);
      if (contraction && value.getType() == other.getType() &&
          contraction->getBlock() == op->getBlock())
        choices.push_back({contraction, other});
    }
    if (choices.empty())
      return rewriter.notifyMatchFailure(op, "not the only use of a layer");
    auto chosen = choices.front();
    if (choices.size() == 2 &&
        choices[0].first->isBeforeInBlock(choices[1].first))
      chosen = choices[1];
    fuse(rewriter, chosen.first, op, kind, chosen.second);
    return success();
  }
};

template <typename Op> void addFusions(RewritePatternSet &patterns) {
  patterns.add<FuseActivation<Op>, FuseBinary<Op, nn::AddOp, EpilogueKind::Add>,
               FuseBinary<Op, nn::MulOp, EpilogueKind::Mul>>(
      patterns.getContext());
}

struct FuseEpilogues : target::impl::FuseEpiloguesPassBase<FuseEpilogues> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LinearToQuantized, ConvToQuantized>(&getContext());
    addFusions<qnt::LinearOp>(patterns);
    addFusions<qnt::ConvOp>(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
