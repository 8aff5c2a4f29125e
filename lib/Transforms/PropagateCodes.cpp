//===- PropagateCodes.cpp - codes through data movement -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodePatterns.h"
#include "ConvPatches.h"
#include "Dims.h"
#include "Rewrite.h"

#include "qnt/Analysis/ImageSites.h"
#include "qnt/Dialect/QNT/IntegerForm.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

namespace qnt {
#define GEN_PASS_DEF_PROPAGATECODES
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
/// The image operands of an op that moves numbers, as codes of one meaning.
struct MovedCodes {
  SmallVector<Value> codes;
  QTensorType type;
  CodeScales scales;
};
} // namespace

static std::optional<MovedCodes> getMovedCodes(Operation *op) {
  MovedCodes moved;
  ValueRange sources = isa<tensor::ConcatOp>(op)
                           ? op->getOperands()
                           : op->getOperands().take_front();
  for (Value source : sources) {
    Value codes = getDecodedImage(source);
    if (!codes)
      return std::nullopt;
    auto type = cast<QTensorType>(codes.getType());
    if (moved.codes.empty()) {
      moved.type = type;
      moved.scales = *findScales(codes);
    } else if (type.withShape({1}) != moved.type.withShape({1}) ||
               *findScales(codes) != moved.scales) {
      return std::nullopt;
    }
    moved.codes.push_back(codes);
  }
  return moved;
}

/// The padding of codes that stands for zero, as an integer of `type`; fails
/// where the zero point is not known yet.
static FailureOr<TypedAttr> getPadding(const CodeScales &scales,
                                       IntegerType type) {
  if (!scales.zero)
    return TypedAttr(IntegerAttr::get(type, 0));
  std::optional<float> zero = getConstantNumber(scales.zero);
  if (!zero)
    return failure();
  return TypedAttr(IntegerAttr::get(
      type, APInt(64, uint64_t(int64_t(*zero))).trunc(type.getWidth())));
}

namespace {
/// move(dequantize(q)) = dequantize(wrap(move(codes(q)))).
struct MoveCodes : RewritePattern {
  explicit MoveCodes(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!movesNumbers(op) || isa<nn::PoolOp>(op))
      return rewriter.notifyMatchFailure(op, "does not move numbers");
    auto moved = getMovedCodes(op);
    if (!moved)
      return rewriter.notifyMatchFailure(op, "of no codes of one meaning");
    IntegerType element = rewriter.getIntegerType(
        moved->type.getFormat().getBits() <= 8 ? 8 : 16);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    TypedAttr padding;
    if (auto pad = dyn_cast<tensor::PadOp>(op)) {
      auto found = getPadding(moved->scales, element);
      if (failed(found))
        return rewriter.notifyMatchFailure(op, "zero point known later");
      padding = *found;
    }
    SmallVector<Value> operands;
    for (Value codes : moved->codes) {
      auto shape = cast<QTensorType>(codes.getType()).getShape();
      operands.push_back(CodesOp::create(rewriter, op->getLoc(),
                                         RankedTensorType::get(shape, element),
                                         codes));
    }
    RankedTensorType result = RankedTensorType::get(type.getShape(), element);
    Value integers = create(rewriter, op, operands, result, padding);
    Value wrapped = WrapOp::create(
        rewriter, op->getLoc(), moved->type.withShape(type.getShape()),
        integers, moved->scales.scale, moved->scales.zero);
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, type, wrapped);
    return success();
  }

  /// `op` on integers.
  static Value create(PatternRewriter &rewriter, Operation *op,
                      ArrayRef<Value> images, RankedTensorType type,
                      TypedAttr padding) {
    Location loc = op->getLoc();
    if (auto transpose = dyn_cast<linalg::TransposeOp>(op)) {
      Value init = createEmpty(rewriter, loc, type,
                               getDims(rewriter, loc, op->getResult(0)));
      return linalg::TransposeOp::create(rewriter, loc, images[0], init,
                                         transpose.getPermutation())
          ->getResult(0);
    }
    if (auto pad = dyn_cast<tensor::PadOp>(op)) {
      Value number = arith::ConstantOp::create(rewriter, loc, padding);
      return tensor::PadOp::create(rewriter, loc, type, images[0],
                                   pad.getMixedLowPad(), pad.getMixedHighPad(),
                                   number, pad.getNofold());
    }
    SmallVector<Value> operands(op->getOperands());
    llvm::copy(images, operands.begin());
    return rewriter
        .create(loc, op->getName().getIdentifier(), operands, type,
                op->getAttrs())
        ->getResult(0);
  }
};

/// Codes wrapped as they were are what they were.
struct WrapAgain : OpRewritePattern<WrapOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(WrapOp op,
                                PatternRewriter &rewriter) const override {
    auto codes = op.getCodes().getDefiningOp<CodesOp>();
    if (!codes || codes.getInput().getType() != op.getResult().getType() ||
        findScales(codes.getInput()) != CodeScales{op.getScale(), op.getZero()})
      return rewriter.notifyMatchFailure(op, "of other codes");
    rewriter.replaceOp(op, codes.getInput());
    return success();
  }
};

/// quantize(concat(parts)): the parts are quantised instead, so that the
/// concatenation moves codes of one meaning.
struct QuantizeParts : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto concat = op.getInput().getDefiningOp<tensor::ConcatOp>();
    QTensorType type = op.getResult().getType();
    if (!concat || !concat->hasOneUse() || !op.getScale() ||
        type.getBlock().getKind() != BlockKind::PerTensor)
      return rewriter.notifyMatchFailure(op, "no parts under one scale");
    CodeScales scales{op.getScale(), op.getZero()};
    SmallVector<Value> codes;
    for (Value part : concat.getInputs()) {
      codes.push_back(getDecodedImage(part));
      if (!codes.back())
        return rewriter.notifyMatchFailure(op, "a part without codes");
    }
    if (llvm::all_of(codes,
                     [&](Value part) { return *findScales(part) == scales; }))
      return rewriter.notifyMatchFailure(op, "parts of one meaning");
    SmallVector<Value> parts;
    for (Value part : concat.getInputs()) {
      auto shape = cast<RankedTensorType>(part.getType()).getShape();
      Value again =
          QuantizeOp::create(rewriter, op.getLoc(), type.withShape(shape), part,
                             scales.scale, scales.zero, op.getClip());
      parts.push_back(
          DequantizeOp::create(rewriter, op.getLoc(), part.getType(), again));
    }
    Value whole = tensor::ConcatOp::create(
        rewriter, op.getLoc(), concat.getType(), concat.getDim(), parts);
    rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(whole); });
    return success();
  }
};

/// Images that change shape and are then quantised anew are so before, as the
/// images that they still are.
struct QuantizeImageFirst : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Value decoded = getDecodedImage(op.getInput());
    auto wrap = decoded ? decoded.getDefiningOp<WrapOp>() : WrapOp();
    auto reshape =
        wrap ? wrap.getCodes().getDefiningOp<tensor::ReshapeOp>() : nullptr;
    auto codes =
        reshape ? reshape.getSource().getDefiningOp<CodesOp>() : CodesOp();
    QTensorType type = op.getResult().getType();
    if (!codes || type.getRank() == 4 || !op.getScale() ||
        type.getBlock().getKind() != BlockKind::PerTensor)
      return rewriter.notifyMatchFailure(op, "no image in another shape");
    QTensorType before = codes.getInput().getType();
    if (before.getRank() != 4 || !findScales(codes.getInput()) ||
        (before.getFormat().getBits() > 8) != (type.getFormat().getBits() > 8))
      return rewriter.notifyMatchFailure(op, "of no image in such integers");
    Location loc = op.getLoc();
    auto floats =
        RankedTensorType::get(before.getShape(), rewriter.getF32Type());
    Value image = DequantizeOp::create(rewriter, loc, floats, codes.getInput());
    Value again =
        QuantizeOp::create(rewriter, loc, type.withShape(before.getShape()),
                           image, op.getScale(), op.getZero(), op.getClip());
    Value integers = CodesOp::create(rewriter, loc, codes.getType(), again);
    Value moved = tensor::ReshapeOp::create(rewriter, loc, reshape.getType(),
                                            integers, reshape.getShape());
    rewriter.replaceOpWithNewOp<WrapOp>(op, type, moved, op.getScale(),
                                        op.getZero());
    return success();
  }
};

struct PoolCodes : OpRewritePattern<nn::PoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::PoolOp op,
                                PatternRewriter &rewriter) const override {
    Value codes = getDecodedImage(op.getInput());
    if (!codes)
      return rewriter.notifyMatchFailure(op, "of no codes");
    auto type = cast<QTensorType>(codes.getType());
    ArrayRef<int64_t> shape = op.getType().getShape();
    if (op.getKind() == nn::PoolKind::Max) {
      if (!movesNumbers(op))
        return rewriter.notifyMatchFailure(op, "has windows without pixels");
      Value pooled = MaxPoolOp::create(
          rewriter, op.getLoc(), type.withShape(shape), codes, op.getKernel(),
          op.getStrides(), op.getPads(), op.getDilations());
      rewriter.replaceOpWithNewOp<DequantizeOp>(op, op.getType(), pooled);
      return success();
    }
    if (llvm::any_of(op.getPads(), [](int64_t pad) { return pad != 0; })) {
      if (!op.getCountPads())
        return rewriter.notifyMatchFailure(op, "means of several sizes");
      return padFirst(op, rewriter);
    }
    rewriter.replaceOpWithNewOp<AveragePoolOp>(
        op, op.getType(), codes, ValueRange(),
        rewriter.getDenseI64ArrayAttr(op.getKernel()),
        rewriter.getDenseI64ArrayAttr(op.getStrides()),
        rewriter.getDenseI64ArrayAttr(op.getDilations()),
        rewriter.getArrayAttr({}));
    return success();
  }

  /// Pads that count are zeros around the images.
  static LogicalResult padFirst(nn::PoolOp op, PatternRewriter &rewriter) {
    Value padded =
        createZeroPads(rewriter, op.getLoc(), op.getInput(), op.getPads());
    rewriter.replaceOpWithNewOp<nn::PoolOp>(
        op, op.getKind(), padded, op.getKernel(), op.getStrides(),
        ArrayRef<int64_t>{0, 0, 0, 0}, op.getDilations(), /*count_pads=*/false);
    return success();
  }
};

/// A layer on a decoded input takes the codes themselves; in integer arithmetic
/// by weights of small floats, too.
template <typename OpTy> struct TakeCodes : OpRewritePattern<OpTy> {
  TakeCodes(MLIRContext *context, bool inIntegers)
      : OpRewritePattern<OpTy>(context), inIntegers(inIntegers) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Value codes = getDecodedImage(op.getInput());
    QTensorType weight = op.getWeight().getType();
    if (!codes ||
        !(inIntegers ? isMultipliedWithIntegers(weight) : weight.isInteger()))
      return rewriter.notifyMatchFailure(op, "no integers on both sides");
    rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(codes); });
    return success();
  }

  const bool inIntegers;
};

/// A layer whose weight and input are decoded, as importers of quantised models
/// write it.
template <typename FloatOp> struct QuantizeLayer : OpRewritePattern<FloatOp> {
  using OpRewritePattern<FloatOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(FloatOp op,
                                PatternRewriter &rewriter) const override {
    constexpr bool isConv = std::is_same_v<FloatOp, nn::ConvOp>;
    auto decoded = op.getWeight().template getDefiningOp<DequantizeOp>();
    Value input = getDecodedImage(op.getInput());
    if (!decoded || !input || !decoded.getInput().getType().isInteger())
      return rewriter.notifyMatchFailure(op, "not decoded");
    Value weight = decoded.getInput();
    BlockKind block = decoded.getInput().getType().getBlock().getKind();
    if (block == BlockKind::PerRow || (isConv && block == BlockKind::Group))
      return rewriter.notifyMatchFailure(op, "not scaled by channels");
    SmallVector<Value> extra;
    SmallVector<Attribute> steps;
    if (op.getBias()) {
      extra.push_back(op.getBias());
      steps.push_back(
          EpilogueKindAttr::get(op.getContext(), EpilogueKind::Bias));
    }
    ArrayAttr epilogue = rewriter.getArrayAttr(steps);
    if constexpr (isConv)
      rewriter.replaceOpWithNewOp<ConvOp>(
          op, op.getType(), input, weight, extra, op.getStrides(), op.getPads(),
          op.getDilations(), op.getGroups(), epilogue, ConvStrategyAttr());
    else
      rewriter.replaceOpWithNewOp<LinearOp>(op, input, weight, extra, epilogue,
                                            Strategy());
    return success();
  }
};

/// Whether `op` is a convolution, or a linear layer on decoded numbers, as
/// importers of quantised models write it.
bool isLayerOfCodes(Operation *op) {
  auto linear = dyn_cast<nn::LinearOp>(op);
  return isa<nn::ConvOp, ConvOp>(op) ||
         (linear && linear.getWeight().getDefiningOp<DequantizeOp>() &&
          getDecodedImage(linear.getInput()));
}

class PropagateCodesPass
    : public qnt::impl::PropagateCodesBase<PropagateCodesPass> {
public:
  using PropagateCodesBase::PropagateCodesBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns
        .add<MoveCodes, WrapAgain, QuantizeParts, QuantizeImageFirst, PoolCodes,
             QuantizeLayer<nn::ConvOp>, QuantizeLayer<nn::LinearOp>>(
            &getContext());
    patterns.add<TakeCodes<ConvOp>, TakeCodes<LinearOp>>(&getContext(),
                                                         everywhere);
    populateCodeEpiloguePatterns(patterns);
    populateDimPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns));
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      WalkResult found = function.walk([](Operation *op) {
        return isLayerOfCodes(op) ? WalkResult::interrupt()
                                  : WalkResult::advance();
      });
      bool hasCodes = everywhere || found.wasInterrupted();
      if (hasCodes && failed(applyPatterns(function, frozen)))
        return signalPassFailure();
    }
  }
};
} // namespace
