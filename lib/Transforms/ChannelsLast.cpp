//===- ChannelsLast.cpp - transpositions out of the way -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Dims.h"
#include "Rewrite.h"

#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

namespace qnt {
#define GEN_PASS_DEF_NNCHANNELSLAST
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

using Permutation = SmallVector<int64_t>;

/// Dimension i of the result is dimension perm[i] of `value`.
static Value createTranspose(OpBuilder &builder, Location loc, Value value,
                             ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<OpFoldResult> sizes =
      applyPermutation(getDims(builder, loc, value), perm);
  auto result = type.clone(applyPermutation(type.getShape(), perm));
  Value init = createEmpty(builder, loc, result, sizes);
  return linalg::TransposeOp::create(builder, loc, value, init, perm)
      ->getResult(0);
}

/// `type` with dimension i where dimension perm[i] is in the result of a
/// transposition by `perm` of it.
static RankedTensorType untranspose(RankedTensorType type,
                                    ArrayRef<int64_t> perm) {
  return type.clone(
      applyPermutation(type.getShape(), invertPermutationVector(perm)));
}

/// A scalar, or one number everywhere.
static bool isUniform(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  SplatElementsAttr splat;
  return !type || type.getRank() == 0 ||
         matchPattern(value, m_Constant(&splat));
}

/// `value`, which is uniform, for an op on tensors of `type`.
static Value adaptUniform(OpBuilder &builder, Value value,
                          ArrayRef<int64_t> perm) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  SplatElementsAttr splat;
  if (!type || type.getRank() == 0 || !matchPattern(value, m_Constant(&splat)))
    return value;
  return arith::ConstantOp::create(builder, value.getLoc(),
                                   splat.resizeSplat(untranspose(type, perm)));
}

namespace {
/// Base of the patterns that move transpositions from operands to the result:
/// f(transpose x) = transpose f(x). They come together with others and cancel
/// on the way down, and none is ever made twice.
template <typename OpTy> struct Sink : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  /// The op that made `value` of something, or null.
  static linalg::TransposeOp getTranspose(Value value) {
    return value.getDefiningOp<linalg::TransposeOp>();
  }

  /// The order that all operands but uniform ones are transposed by; empty
  /// where there is none.
  static Permutation findCommon(ValueRange operands) {
    Permutation perm;
    for (Value operand : operands) {
      if (isUniform(operand))
        continue;
      linalg::TransposeOp op = getTranspose(operand);
      if (!op || (!perm.empty() && perm != Permutation(op.getPermutation())))
        return {};
      perm = Permutation(op.getPermutation());
    }
    return perm;
  }

  static void replace(PatternRewriter &rewriter, OpTy op, Value result,
                      ArrayRef<int64_t> perm) {
    Value moved = createTranspose(rewriter, op->getLoc(), result, perm);
    rewriter.replaceOp(op, moved);
  }
};

/// Ops on each element for itself, of equal shapes.
template <typename OpTy> struct SinkElementwise : Sink<OpTy> {
  using Sink<OpTy>::Sink;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Permutation perm = this->findCommon(op->getOperands());
    if (perm.empty())
      return rewriter.notifyMatchFailure(op, "no common transposition");
    for (Value operand : op->getOperands())
      if (auto other = dyn_cast<RankedTensorType>(operand.getType());
          other && other.getRank() && other.getRank() != type.getRank())
        return rewriter.notifyMatchFailure(op, "operands of several ranks");
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      linalg::TransposeOp moved = this->getTranspose(operand);
      operands.push_back(moved ? moved.getInput()
                               : adaptUniform(rewriter, operand, perm));
    }
    Operation *clone =
        rewriter.create(op->getLoc(), op->getName().getIdentifier(), operands,
                        untranspose(type, perm), op->getAttrs());
    this->replace(rewriter, op, clone->getResult(0), perm);
    return success();
  }
};

/// Codes made per tensor, and read: an op on each element.
struct SinkCodes : Sink<QuantizeOp> {
  using Sink::Sink;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    linalg::TransposeOp moved = getTranspose(op.getInput());
    if (!moved || op.use_empty())
      return rewriter.notifyMatchFailure(op, "of no transposed tensor");
    QTensorType type = op.getResult().getType();
    if (type.getBlock().getKind() != BlockKind::PerTensor || type.getLayout())
      return rewriter.notifyMatchFailure(op, "of more than one scale");
    if (!llvm::all_of(op->getUsers(), llvm::IsaPred<DequantizeOp, CodesOp>))
      return rewriter.notifyMatchFailure(op, "codes are not read");
    Permutation perm(moved.getPermutation());
    Value source = moved.getInput();
    ArrayRef<int64_t> shape = cast<ShapedType>(source.getType()).getShape();
    Value codes =
        QuantizeOp::create(rewriter, op.getLoc(), type.withShape(shape), source,
                           op.getScale(), op.getZero(), op.getClip());
    for (Operation *user : llvm::make_early_inc_range(op->getUsers())) {
      rewriter.setInsertionPoint(user);
      auto read = cast<RankedTensorType>(user->getResult(0).getType());
      Operation *result =
          rewriter.create(user->getLoc(), user->getName().getIdentifier(),
                          codes, read.clone(shape), user->getAttrs());
      rewriter.replaceOp(user, createTranspose(rewriter, user->getLoc(),
                                               result->getResult(0), perm));
    }
    rewriter.eraseOp(op);
    return success();
  }
};

/// Loops over all dimensions whose result is written in their order.
struct SinkGeneric : Sink<linalg::GenericOp> {
  using Sink::Sink;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getNumDpsInits() != 1 || op.getNumResults() != 1 ||
        op.getNumParallelLoops() != op.getNumLoops() ||
        !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
        !op.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
      return rewriter.notifyMatchFailure(op, "is no op on each element");
    // What varies along all loops is transposed, whatever else is broadcast.
    Permutation perm;
    for (OpOperand *input : op.getDpsInputOperands()) {
      if (!op.getMatchingIndexingMap(input).isIdentity())
        continue;
      linalg::TransposeOp moved = getTranspose(input->get());
      if (!moved ||
          (!perm.empty() && perm != Permutation(moved.getPermutation())))
        return rewriter.notifyMatchFailure(op, "no common transposition");
      perm = Permutation(moved.getPermutation());
    }
    if (perm.empty())
      return rewriter.notifyMatchFailure(op, "no transposed operand");
    MLIRContext *context = op.getContext();
    // Loop i was dimension i of the result: dimension perm[i] now.
    AffineMap reorder = AffineMap::getPermutationMap(perm, context);
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(input);
      bool isWhole = map.isIdentity();
      inputs.push_back(isWhole ? getTranspose(input->get()).getInput()
                               : input->get());
      maps.push_back(isWhole ? map : map.compose(reorder));
    }
    maps.push_back(AffineMap::getMultiDimIdentityMap(perm.size(), context));
    auto type =
        untranspose(cast<RankedTensorType>(op.getResultTypes()[0]), perm);
    SmallVector<OpFoldResult> sizes =
        applyPermutation(getDims(rewriter, op.getLoc(), op.getResult(0)),
                         invertPermutationVector(perm));
    Value init = createEmpty(rewriter, op.getLoc(), type, sizes);
    auto moved =
        linalg::GenericOp::create(rewriter, op.getLoc(), init.getType(), inputs,
                                  init, maps, op.getIteratorTypesArray());
    rewriter.cloneRegionBefore(op.getRegion(), moved.getRegion(),
                               moved.getRegion().begin());
    moved.walk([&](linalg::IndexOp index) {
      rewriter.modifyOpInPlace(index,
                               [&] { index.setDim(perm[index.getDim()]); });
    });
    replace(rewriter, op, moved.getResult(0), perm);
    return success();
  }
};

struct SinkPad : Sink<tensor::PadOp> {
  using Sink::Sink;

  LogicalResult matchAndRewrite(tensor::PadOp op,
                                PatternRewriter &rewriter) const override {
    linalg::TransposeOp moved = getTranspose(op.getSource());
    Value padding = op.getConstantPaddingValue();
    if (!moved || !padding)
      return rewriter.notifyMatchFailure(op, "not transposed, or not uniform");
    Permutation perm(moved.getPermutation());
    Permutation back = invertPermutationVector(perm);
    auto padded = tensor::PadOp::create(
        rewriter, op.getLoc(), untranspose(op.getType(), perm),
        moved.getInput(), applyPermutation(op.getMixedLowPad(), back),
        applyPermutation(op.getMixedHighPad(), back), padding, op.getNofold());
    replace(rewriter, op, padded, perm);
    return success();
  }
};

struct SinkSlice : Sink<tensor::ExtractSliceOp> {
  using Sink::Sink;

  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op,
                                PatternRewriter &rewriter) const override {
    linalg::TransposeOp moved = getTranspose(op.getSource());
    if (!moved || op.getType().getRank() != op.getSourceType().getRank())
      return rewriter.notifyMatchFailure(op,
                                         "not transposed, or of lower rank");
    Permutation perm(moved.getPermutation());
    Permutation back = invertPermutationVector(perm);
    auto slice = tensor::ExtractSliceOp::create(
        rewriter, op.getLoc(), untranspose(op.getType(), perm),
        moved.getInput(), applyPermutation(op.getMixedOffsets(), back),
        applyPermutation(op.getMixedSizes(), back),
        applyPermutation(op.getMixedStrides(), back));
    replace(rewriter, op, slice, perm);
    return success();
  }
};

/// What is known better of a size.
struct SinkCast : Sink<tensor::CastOp> {
  using Sink::Sink;

  LogicalResult matchAndRewrite(tensor::CastOp op,
                                PatternRewriter &rewriter) const override {
    linalg::TransposeOp moved = getTranspose(op.getSource());
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!moved || !type)
      return rewriter.notifyMatchFailure(op, "not transposed");
    Permutation perm(moved.getPermutation());
    Value cast = tensor::CastOp::create(
        rewriter, op.getLoc(), untranspose(type, perm), moved.getInput());
    replace(rewriter, op, cast, perm);
    return success();
  }
};

struct SinkConcat : Sink<tensor::ConcatOp> {
  using Sink::Sink;

  LogicalResult matchAndRewrite(tensor::ConcatOp op,
                                PatternRewriter &rewriter) const override {
    Permutation perm;
    SmallVector<Value> inputs;
    for (Value input : op.getInputs()) {
      linalg::TransposeOp moved = getTranspose(input);
      if (!moved ||
          (!perm.empty() && perm != Permutation(moved.getPermutation())))
        return rewriter.notifyMatchFailure(op, "no common transposition");
      perm = Permutation(moved.getPermutation());
      inputs.push_back(moved.getInput());
    }
    auto concat = tensor::ConcatOp::create(rewriter, op.getLoc(),
                                           untranspose(op.getType(), perm),
                                           perm[op.getDim()], inputs);
    replace(rewriter, op, concat, perm);
    return success();
  }
};

/// A transposition of one, and one that leaves everything where it is.
struct Cancel : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    Value source = op.getInput();
    Permutation perm(op.getPermutation());
    auto inner = source.getDefiningOp<linalg::TransposeOp>();
    if (inner) {
      source = inner.getInput();
      perm = applyPermutation(inner.getPermutation(), perm);
    } else if (!isIdentityPermutation(perm)) {
      return rewriter.notifyMatchFailure(op, "is the only one");
    }
    rewriter.replaceOp(
        op, isIdentityPermutation(perm)
                ? source
                : createTranspose(rewriter, op.getLoc(), source, perm));
    return success();
  }
};

/// Where only dimensions of size 1 change their places, nothing moves.
struct Relabel : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(op.getInput().getType()).getShape();
    int64_t last = -1;
    for (int64_t dim : op.getPermutation()) {
      if (shape[dim] == 1)
        continue;
      if (dim < last)
        return rewriter.notifyMatchFailure(op, "moves elements");
      last = dim;
    }
    SmallVector<OpFoldResult> sizes = applyPermutation(
        getDims(rewriter, op.getLoc(), op.getInput()), op.getPermutation());
    rewriter.replaceOpWithNewOp<tensor::ReshapeOp>(
        op, op->getResult(0).getType(), op.getInput(),
        createShape(rewriter, op.getLoc(), sizes));
    return success();
  }
};

/// The second of two changes of shape decides; what has the shape stays.
struct JoinReshapes : OpRewritePattern<tensor::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (type && type == op.getSource().getType() &&
        type.getNumDynamicDims() <= 1) {
      rewriter.replaceOp(op, op.getSource());
      return success();
    }
    auto inner = op.getSource().getDefiningOp<tensor::ReshapeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "is the only one");
    rewriter.modifyOpInPlace(
        op, [&] { op.getSourceMutable().assign(inner.getSource()); });
    return success();
  }
};

class NNChannelsLastPass
    : public qnt::impl::NNChannelsLastBase<NNChannelsLastPass> {
public:
  using NNChannelsLastBase::NNChannelsLastBase;

  void runOnOperation() override {
    // What can move on becomes no change of shape on the way. Not past
    // qnt.observe, which reports the last dimension's features.
    RewritePatternSet moves(&getContext()), rest(&getContext());
    moves.add<SinkElementwise<nn::ActivationOp>, SinkElementwise<nn::ClampOp>,
              SinkElementwise<nn::AddOp>, SinkElementwise<nn::MulOp>, SinkCodes,
              SinkGeneric, SinkPad, SinkSlice, SinkCast, SinkConcat, Cancel>(
        &getContext());
    populateDimPatterns(moves);
    rest.add<Relabel, JoinReshapes>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(moves))) ||
        failed(applyPatterns(getOperation(), std::move(rest))))
      signalPassFailure();
  }
};
} // namespace
