//===- IntegerFunctions.cpp - functions of codes in integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodePatterns.h"
#include "Rewrite.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/NN/Activations.h"
#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace qnt;

namespace {
/// Decoded codes, whose scale and zero point are constants.
struct Decoded {
  Value codes;
  float scale;
  QTensorType getType() const { return cast<QTensorType>(codes.getType()); }
  int64_t getFeatures() const { return getType().getShape().back(); }
};

/// quantize(function(decoded...)) becomes a function of codes; `OpTy` is the
/// function.
template <typename OpTy> struct ConvertFunction : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto function = op.getInput().getDefiningOp<OpTy>();
    QTensorType type = op.getResult().getType();
    if (!function || !op.getScale() || !type.isInteger() || type.hasOffsets() ||
        type.getBlock().getKind() != BlockKind::PerTensor || type.getLayout())
      return rewriter.notifyMatchFailure(op, "no codes of such a function");
    return convert(function, op, rewriter);
  }

  virtual LogicalResult convert(OpTy function, QuantizeOp op,
                                PatternRewriter &rewriter) const = 0;
};
} // namespace

static std::optional<Decoded> getDecoded(Value value) {
  Value codes = getDecodedImage(value);
  if (!codes || ShapedType::isDynamic(
                    cast<QTensorType>(codes.getType()).getShape().back()))
    return std::nullopt;
  CodeScales scales = *findScales(codes);
  std::optional<float> scale = getConstantNumber(scales.scale);
  if (!scale || (scales.zero && !getConstantNumber(scales.zero)))
    return std::nullopt;
  return Decoded{codes, *scale};
}

static Value createNumbers(OpBuilder &builder, Location loc, int64_t count,
                           double number) {
  auto type = RankedTensorType::get({count}, builder.getF32Type());
  return arith::ConstantOp::create(builder, loc,
                                   DenseElementsAttr::get(type, float(number)));
}

/// The operands of the one step `requantize` from integers whose scales are
/// `scales` [N] to the codes of `op`.
static SmallVector<Value> createSteps(OpBuilder &builder, QuantizeOp op,
                                      Value scales) {
  auto integers =
      cast<RankedTensorType>(scales.getType()).clone(builder.getI32Type());
  Value shift = DyadicShiftOp::create(builder, op.getLoc(), integers, scales,
                                      Value(), op.getScale());
  Value multiplier =
      DyadicOp::create(builder, op.getLoc(), scales, op.getScale(), shift);
  SmallVector<Value> operands = {multiplier, shift, op.getScale()};
  if (op.getZero())
    operands.push_back(op.getZero());
  return operands;
}

static ArrayAttr getRequantize(OpBuilder &builder) {
  return builder.getArrayAttr(
      EpilogueKindAttr::get(builder.getContext(), EpilogueKind::Requantize));
}

/// Makes of `op`, quantised numbers that are `function` of decoded codes of at
/// most 8 bits, a table.
static LogicalResult convertToTable(QuantizeOp op, Value decoded,
                                    function_ref<float(float)> function,
                                    PatternRewriter &rewriter) {
  auto input = getDecoded(decoded);
  std::optional<float> scale = getConstantNumber(op.getScale()), zero = 0;
  if (op.getZero())
    zero = getConstantNumber(op.getZero());
  if (!input || !scale || !zero || input->getType().getFormat().getBits() > 8)
    return rewriter.notifyMatchFailure(op, "not of codes of at most 8 bits");
  QTensorType from = input->getType(), to = op.getResult().getType();
  CodeScales scales = *findScales(input->codes);
  float before = scales.zero ? *getConstantNumber(scales.zero) : 0;
  auto patterns = int64_t(1) << from.getFormat().getBits();
  SmallVector<int16_t> table;
  for (int64_t code = 0; code < patterns; ++code) {
    float y = function(input->scale * (from.getFormat().decode(code) - before));
    uint32_t encoded = 0;
    encodeBlock(to, {*scale, *zero}, y, encoded);
    table.push_back(int16_t(to.getFormat().decode(encoded)));
  }
  auto type = RankedTensorType::get({patterns}, rewriter.getI16Type());
  rewriter.replaceOpWithNewOp<qnt::LookupOp>(
      op, op.getType(), input->codes, op.getScale(), op.getZero(),
      DenseIntElementsAttr::get(type, ArrayRef(table)));
  return success();
}

namespace {
struct ConvertNorm : ConvertFunction<nn::RMSNormOp> {
  using ConvertFunction::ConvertFunction;

  LogicalResult convert(nn::RMSNormOp norm, QuantizeOp op,
                        PatternRewriter &rewriter) const override {
    auto input = getDecoded(norm.getInput());
    Value factors = norm.getScale();
    if (!input || norm.getGroups() != 1 || !isParamExpression(factors))
      return rewriter.notifyMatchFailure(op, "no norm of rows of codes");
    auto features = double(input->getFeatures());
    double stabilizer =
        std::nearbyint(features * norm.getEps().convertToDouble() /
                       (double(input->scale) * input->scale));
    if (!(stabilizer <= std::ldexp(1, 48)))
      return rewriter.notifyMatchFailure(op, "stabilised beyond 2^48");
    Value scales = nn::MulOp::create(
        rewriter, op.getLoc(), factors.getType(), factors,
        createNumbers(rewriter, op.getLoc(), input->getFeatures(),
                      std::ldexp(std::sqrt(features), -16)));
    rewriter.replaceOpWithNewOp<NormalizeOp>(
        op, op.getType(), input->codes, createSteps(rewriter, op, scales),
        int64_t(stabilizer), getRequantize(rewriter));
    return success();
  }
};

struct ConvertRope : ConvertFunction<nn::RopeOp> {
  using ConvertFunction::ConvertFunction;

  LogicalResult convert(nn::RopeOp rope, QuantizeOp op,
                        PatternRewriter &rewriter) const override {
    auto input = getDecoded(rope.getInput());
    auto table = rope.getTable().getType();
    if (!input || rope.getInterleaved() || !table.getElementType().isF32() ||
        table.getShape().back() * int64_t(rope.getHeads()) !=
            input->getFeatures())
      return rewriter.notifyMatchFailure(op, "no rotation of whole heads");
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    auto integers =
        QTensorType::get(context, table.getShape(),
                         IntFormatAttr::get(context, 16, /*isSigned=*/true),
                         BlockAttr::get(context, BlockKind::PerTensor, 0),
                         rewriter.getF32Type(), ZeroKind::None, Attribute());
    auto scalar = RankedTensorType::get({}, rewriter.getF32Type());
    Value step = arith::ConstantOp::create(
        rewriter, loc, DenseElementsAttr::get(scalar, 0x1p-14f));
    Value turns = QuantizeOp::create(rewriter, loc, integers, rope.getTable(),
                                     step, Value(), ClipMethod::AbsMax);
    turns = CodesOp::create(rewriter, loc, table.clone(rewriter.getI16Type()),
                            turns);
    Value scales = createNumbers(rewriter, loc, input->getFeatures(),
                                 std::ldexp(input->scale, -14));
    rewriter.replaceOpWithNewOp<qnt::RopeOp>(
        op, op.getType(), input->codes, turns,
        createSteps(rewriter, op, scales), rope.getHeads(),
        getRequantize(rewriter));
    return success();
  }
};

struct ConvertAttention : ConvertFunction<nn::AttentionOp> {
  using ConvertFunction::ConvertFunction;

  LogicalResult convert(nn::AttentionOp attention, QuantizeOp op,
                        PatternRewriter &rewriter) const override {
    auto query = getDecoded(attention.getQuery());
    auto key = getDecoded(attention.getKey());
    auto value = getDecoded(attention.getValue());
    if (attention.getCache() || attention.getLengths() ||
        attention.getWindow() || !attention.getCausal())
      return rewriter.notifyMatchFailure(op, "more than causal attention");
    if (!query || !key || !value)
      return rewriter.notifyMatchFailure(op, "not of codes");
    for (const Decoded &codes : {*query, *key, *value})
      if (codes.getType().hasZeros() ||
          codes.getType().getFormat().getBits() > 8)
        return rewriter.notifyMatchFailure(op, "of codes with zero points");
    double ratio = double(query->scale) * key->scale *
                   attention.getScale().convertToDouble() *
                   std::numbers::log2e * 512 / 9;
    int64_t shift = 62;
    while (shift > 0 && !(std::nearbyint(std::ldexp(ratio, shift)) <= 65535))
      --shift;
    auto multiplier = int64_t(std::nearbyint(std::ldexp(ratio, shift)));
    if (shift < 1 || multiplier < 1)
      return rewriter.notifyMatchFailure(op, "scores without a multiplier");
    Value scales = createNumbers(rewriter, op.getLoc(), query->getFeatures(),
                                 std::ldexp(value->scale, -8));
    rewriter.replaceOpWithNewOp<qnt::AttentionOp>(
        op, op.getType(), query->codes, key->codes, value->codes,
        createSteps(rewriter, op, scales), attention.getHeads(),
        attention.getKvHeads(), multiplier, shift, getRequantize(rewriter));
    return success();
  }
};

struct ConvertProduct : ConvertFunction<nn::MulOp> {
  using ConvertFunction::ConvertFunction;

  LogicalResult convert(nn::MulOp product, QuantizeOp op,
                        PatternRewriter &rewriter) const override {
    auto lhs = getDecoded(product.getLhs()), rhs = getDecoded(product.getRhs());
    if (!lhs || !rhs ||
        product.getLhs().getType() != product.getRhs().getType())
      return rewriter.notifyMatchFailure(op, "not of codes of one shape");
    Value scales = createNumbers(rewriter, op.getLoc(), lhs->getFeatures(),
                                 double(lhs->scale) * rhs->scale);
    rewriter.replaceOpWithNewOp<MultiplyOp>(
        op, op.getType(), lhs->codes, rhs->codes,
        createSteps(rewriter, op, scales), getRequantize(rewriter));
    return success();
  }
};

struct ConvertActivation : ConvertFunction<nn::ActivationOp> {
  using ConvertFunction::ConvertFunction;

  LogicalResult convert(nn::ActivationOp activation, QuantizeOp op,
                        PatternRewriter &rewriter) const override {
    return convertToTable(
        op, activation.getInput(),
        [&](float x) { return float(nn::activate(activation.getKind(), x)); },
        rewriter);
  }
};

/// Codes of another scale, such as of vectors that are joined; those of images
/// have an epilogue (qnt-propagate-codes).
struct ConvertScale : ConvertFunction<DequantizeOp> {
  using ConvertFunction::ConvertFunction;

  LogicalResult convert(DequantizeOp decode, QuantizeOp op,
                        PatternRewriter &rewriter) const override {
    return convertToTable(
        op, decode.getResult(), [](float x) { return x; }, rewriter);
  }
};
} // namespace

LogicalResult qnt::convertFunctionsOfCodes(func::FuncOp function) {
  WalkResult found = function.walk([](QuantizeOp op) {
    return isa_and_present<DequantizeOp, nn::RMSNormOp, nn::RopeOp,
                           nn::AttentionOp, nn::MulOp, nn::ActivationOp>(
               op.getInput().getDefiningOp())
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  if (!found.wasInterrupted())
    return success();
  RewritePatternSet patterns(function.getContext());
  patterns.add<ConvertNorm, ConvertRope, ConvertAttention, ConvertProduct,
               ConvertActivation, ConvertScale>(function.getContext());
  return applyPatterns(function, std::move(patterns));
}
