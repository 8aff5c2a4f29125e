//===- CodeEpilogues.cpp - epilogues that give codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodePatterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace qnt;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

std::optional<CodeScales> qnt::findScales(Value codes) {
  auto type = dyn_cast<QTensorType>(codes.getType());
  Operation *op = codes.getDefiningOp();
  if (!type || !op)
    return std::nullopt;
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    if (!quantize.getScale())
      return std::nullopt;
    return CodeScales{quantize.getScale(), quantize.getZero()};
  }
  if (auto wrap = dyn_cast<WrapOp>(op))
    return CodeScales{wrap.getScale(), wrap.getZero()};
  if (auto add = dyn_cast<AddOp>(op))
    return CodeScales{add.getScale(), add.getZero()};
  if (auto lookup = dyn_cast<qnt::LookupOp>(op))
    return CodeScales{lookup.getScale(), lookup.getZero()};
  if (auto pool = dyn_cast<MaxPoolOp>(op))
    return findScales(pool.getInput());
  auto contraction = dyn_cast<EpilogueOp>(op);
  if (!contraction)
    return std::nullopt;
  // The last step has them as its last operands.
  OperandRange extra = contraction.getExtra();
  if (!type.hasZeros())
    return CodeScales{extra.back(), Value()};
  return CodeScales{*std::prev(extra.end(), 2), extra.back()};
}

std::optional<float> qnt::getConstantNumber(Value value) {
  SplatElementsAttr splat;
  if (!value || !matchPattern(value, m_Constant(&splat)) ||
      !splat.getElementType().isF32())
    return std::nullopt;
  return splat.getSplatValue<float>();
}

Value qnt::getDecodedImage(Value value) {
  auto decode = value.getDefiningOp<DequantizeOp>();
  if (!decode)
    return {};
  QTensorType type = decode.getInput().getType();
  if (!type.isInteger() || type.hasOffsets() ||
      type.getBlock().getKind() != BlockKind::PerTensor ||
      !decode.getType().getElementType().isF32() ||
      !findScales(decode.getInput()))
    return {};
  return decode.getInput();
}

bool qnt::isOneNumber(Value a, Value b) {
  std::optional<float> number = getConstantNumber(a);
  return a == b || (number && number == getConstantNumber(b));
}

Value qnt::getWeight(EpilogueOp op) {
  if (auto linear = dyn_cast<LinearOp>(*op))
    return linear.getWeight();
  if (auto conv = dyn_cast<ConvOp>(*op))
    return conv.getWeight();
  return {};
}

Value qnt::findSumBias(EpilogueOp op, Value bias) {
  auto decoded = bias.getDefiningOp<DequantizeBiasOp>();
  std::optional<CodeScales> input = findScales(op->getOperand(0));
  if (!decoded || !input || decoded.getWeight() != getWeight(op) ||
      !isOneNumber(decoded.getScale(), input->scale))
    return {};
  return decoded.getCodes();
}

bool qnt::canAppendSteps(EpilogueOp op) {
  return op && isa<QTensorType>(op->getOperand(0).getType()) &&
         op->hasOneUse() && isa<RankedTensorType>(op->getResult(0).getType()) &&
         !isIntegerEpilogue(op.getEpilogue());
}

Value qnt::appendSteps(PatternRewriter &rewriter, EpilogueOp op,
                       ArrayRef<EpilogueKind> steps, ValueRange operands,
                       Type result) {
  SmallVector<Attribute> epilogue(op.getEpilogue().getValue());
  for (EpilogueKind kind : steps)
    epilogue.push_back(EpilogueKindAttr::get(op.getContext(), kind));
  NamedAttrList attributes(op->getAttrs());
  attributes.set("epilogue", rewriter.getArrayAttr(epilogue));
  SmallVector<Value> all(op->getOperands());
  llvm::append_range(all, operands);
  return rewriter
      .create(op.getLoc(), op->getName().getIdentifier(), all, result,
              attributes.getAttrs())
      ->getResult(0);
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// The contraction that gives `value`, if it can have more steps.
static EpilogueOp getContraction(Value value) {
  auto op = value.getDefiningOp<EpilogueOp>();
  return canAppendSteps(op) ? op : EpilogueOp();
}

/// Whether `value` is quantised after no more than steps of an epilogue.
static bool isQuantizedNext(Value value) {
  if (!value.hasOneUse())
    return false;
  Operation *user = *value.user_begin();
  if (isa<QuantizeOp>(user))
    return true;
  return isa<nn::ActivationOp, nn::ClampOp, nn::AddOp>(user) &&
         isQuantizedNext(user->getResult(0));
}

namespace {
struct FuseAdd : OpRewritePattern<nn::AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::AddOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getLhs().getType() != op.getRhs().getType())
      return rewriter.notifyMatchFailure(op, "broadcasts");
    for (auto [sum, other] : {std::pair(op.getLhs(), op.getRhs()),
                              std::pair(op.getRhs(), op.getLhs())}) {
      EpilogueOp contraction = getContraction(sum);
      Value codes = getDecodedImage(other);
      if (!contraction || !codes)
        continue;
      rewriter.replaceOp(op,
                         appendSteps(rewriter, contraction, EpilogueKind::Add,
                                     codes, op.getType()));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no contraction with codes");
  }
};

struct FuseActivation : OpRewritePattern<nn::ActivationOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::ActivationOp op,
                                PatternRewriter &rewriter) const override {
    EpilogueOp contraction = getContraction(op.getInput());
    auto step = symbolizeEpilogueKind(stringifyActivationKind(op.getKind()));
    if (!contraction || !step)
      return rewriter.notifyMatchFailure(op, "no contraction of its own");
    rewriter.replaceOp(
        op, appendSteps(rewriter, contraction, *step, {}, op.getType()));
    return success();
  }
};

struct FuseClamp : OpRewritePattern<nn::ClampOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::ClampOp op,
                                PatternRewriter &rewriter) const override {
    EpilogueOp contraction = getContraction(op.getInput());
    if (!contraction)
      return rewriter.notifyMatchFailure(op, "no contraction of its own");
    auto type = RankedTensorType::get({}, rewriter.getF32Type());
    SmallVector<Value> bounds;
    for (const APFloat &bound : {op.getLow(), op.getHigh()})
      bounds.push_back(arith::ConstantOp::create(
          rewriter, op.getLoc(),
          DenseElementsAttr::get(type, float(bound.convertToDouble()))));
    rewriter.replaceOp(op,
                       appendSteps(rewriter, contraction, EpilogueKind::Clamp,
                                   bounds, op.getType()));
    return success();
  }
};

struct FuseQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    QTensorType type = op.getResult().getType();
    EpilogueOp contraction = getContraction(op.getInput());
    if (!contraction || !op.getScale() || !type.isInteger() ||
        type.getBlock().getKind() != BlockKind::PerTensor || type.getLayout())
      return rewriter.notifyMatchFailure(op, "not static, or no contraction");
    SmallVector<Value> scales = {op.getScale()};
    if (op.getZero())
      scales.push_back(op.getZero());
    rewriter.replaceOp(op, appendSteps(rewriter, contraction,
                                       EpilogueKind::Quantize, scales, type));
    return success();
  }
};

/// What is quantised as it was before has the same codes.
struct QuantizeAgain : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Value codes = getDecodedImage(op.getInput());
    if (!codes || codes.getType() != op.getResult().getType() ||
        findScales(codes) != CodeScales{op.getScale(), op.getZero()})
      return rewriter.notifyMatchFailure(op, "has codes of its own");
    rewriter.replaceOp(op, codes);
    return success();
  }
};

/// Steps of an epilogue on decoded images without a contraction before them:
/// that of windows of one pixel, whose mean is the pixel.
struct StartEpilogue : RewritePattern {
  explicit StartEpilogue(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/0, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    bool isStep = isa<nn::ActivationOp, nn::ClampOp, nn::AddOp>(op);
    if (!isa<QuantizeOp>(op) && !(isStep && isQuantizedNext(op->getResult(0))))
      return rewriter.notifyMatchFailure(op, "no step before codes");
    if (isa<nn::AddOp>(op) && !getDecodedImage(op->getOperand(1)))
      return rewriter.notifyMatchFailure(op, "a sum with no codes");
    Value codes = getDecodedImage(op->getOperand(0));
    if (!codes || cast<QTensorType>(codes.getType()).getRank() != 4)
      return rewriter.notifyMatchFailure(op, "of no images of codes");
    Value pixels = AveragePoolOp::create(
        rewriter, op->getLoc(), op->getOperand(0).getType(), codes,
        ValueRange(), rewriter.getDenseI64ArrayAttr({1, 1}));
    rewriter.modifyOpInPlace(op, [&] { op->setOperand(0, pixels); });
    return success();
  }
};
} // namespace

void qnt::populateCodeEpiloguePatterns(RewritePatternSet &patterns) {
  patterns.add<FuseAdd, FuseActivation, FuseClamp, FuseQuantize, QuantizeAgain,
               StartEpilogue>(patterns.getContext());
}
