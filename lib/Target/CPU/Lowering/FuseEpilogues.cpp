//===- FuseEpilogues.cpp - one contraction form, fused -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/CPU/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace qnt::cpu {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "qnt/Target/CPU/Passes.h.inc"
} // namespace qnt::cpu

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

/// nn.linear on floats is a qnt.linear whose weight keeps its f32 codes.
struct LinearToQuantized : OpRewritePattern<nn::LinearOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::LinearOp op,
                                PatternRewriter &rewriter) const override {
    auto weight = op.getWeight().getType();
    MLIRContext *context = getContext();
    auto type = QTensorType::get(
        context, weight.getShape(), parseFormat("f32", context),
        BlockAttr::get(context, BlockKind::Unscaled, 0), Type(), ZeroKind::None,
        Attribute());
    Value codes =
        QuantizeOp::create(rewriter, op.getLoc(), type, op.getWeight(), Value(),
                           Value(), ClipMethod::AbsMax);
    SmallVector<Attribute> steps;
    SmallVector<Value> operands;
    if (op.getBias()) {
      steps.push_back(EpilogueKindAttr::get(context, EpilogueKind::Bias));
      operands.push_back(op.getBias());
    }
    rewriter.replaceOpWithNewOp<qnt::LinearOp>(
        op, op.getInput(), codes, operands, rewriter.getArrayAttr(steps),
        StrategyAttr());
    return success();
  }
};

/// Rebuilds `linear` at `consumer` with one more epilogue step.
void fuse(PatternRewriter &rewriter, qnt::LinearOp linear, Operation *consumer,
          EpilogueKind kind, Value operand) {
  SmallVector<Attribute> steps(linear.getEpilogue().getValue());
  steps.push_back(EpilogueKindAttr::get(rewriter.getContext(), kind));
  SmallVector<Value> operands(linear.getExtra());
  if (operand)
    operands.push_back(operand);
  auto fused = qnt::LinearOp::create(
      rewriter, linear.getLoc(), linear.getInput(), linear.getWeight(),
      operands, rewriter.getArrayAttr(steps), linear.getStrategyAttr());
  rewriter.replaceOp(consumer, fused);
  rewriter.eraseOp(linear);
}

struct FuseActivation : OpRewritePattern<nn::ActivationOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ActivationOp op,
                                PatternRewriter &rewriter) const override {
    auto linear = op.getInput().getDefiningOp<qnt::LinearOp>();
    if (!linear || !linear->hasOneUse())
      return rewriter.notifyMatchFailure(op, "not the only use of a linear");
    fuse(rewriter, linear, op, toEpilogue(op.getKind()), Value());
    return success();
  }
};

template <typename BinaryOp, EpilogueKind kind>
struct FuseBinary : OpRewritePattern<BinaryOp> {
  using OpRewritePattern<BinaryOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(BinaryOp op,
                                PatternRewriter &rewriter) const override {
    // Of two linears, the later one takes the other's result: it is the one
    // whose own result is then never stored unfused.
    SmallVector<std::pair<qnt::LinearOp, Value>> choices;
    for (auto [value, other] :
         {std::pair<Value, Value>(op.getLhs(), op.getRhs()),
          std::pair<Value, Value>(op.getRhs(), op.getLhs())}) {
      auto linear = value.getDefiningOp<qnt::LinearOp>();
      if (linear && linear->hasOneUse() && value.getType() == other.getType() &&
          linear->getBlock() == op->getBlock())
        choices.push_back({linear, other});
    }
    if (choices.empty())
      return rewriter.notifyMatchFailure(op, "not the only use of a linear");
    auto chosen = choices.front();
    if (choices.size() == 2 &&
        choices[0].first->isBeforeInBlock(choices[1].first))
      chosen = choices[1];
    fuse(rewriter, chosen.first, op, kind, chosen.second);
    return success();
  }
};

struct FuseEpilogues : cpu::impl::FuseEpiloguesPassBase<FuseEpilogues> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LinearToQuantized, FuseActivation,
                 FuseBinary<nn::AddOp, EpilogueKind::Add>,
                 FuseBinary<nn::MulOp, EpilogueKind::Mul>>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
