//===- Gradient.cpp - the pass that adds gradients -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Transforms/Gradient.h"

#include "Dims.h"
#include "Gradient/Losses.h"
#include "Gradient/Weights.h"
#include "InlineCalls.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Iterators.h"

namespace qnt {
#define GEN_PASS_DEF_NNGRADIENT
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
class NNGradientPass : public qnt::impl::NNGradientBase<NNGradientPass> {
public:
  using NNGradientBase::NNGradientBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  InFlightDiagnostic error() {
    return getOperation().emitError("nn-gradient: ");
  }
  LogicalResult run();
  FailureOr<func::FuncOp> findEntry();
  LogicalResult dropCaches(func::FuncOp function);
  FailureOr<Value> addTarget(func::FuncOp function, LossKind kind,
                             Value output);
  LogicalResult differentiate(func::FuncOp function, LossKind kind);
};
} // namespace

FailureOr<func::FuncOp> NNGradientPass::findEntry() {
  SmallVector<StringRef> names;
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal())
      names.push_back(function.getName());
  std::string wanted = entry;
  if (wanted.empty()) {
    for (StringRef name : {"score", "forward", "main"})
      if (wanted.empty() && llvm::is_contained(names, name))
        wanted = name.str();
    if (wanted.empty() && names.size() == 1)
      wanted = names.front().str();
  }
  if (!llvm::is_contained(names, wanted)) {
    InFlightDiagnostic diagnostic = error();
    diagnostic << "entry=" << wanted << ": expected one of the entry points";
    for (StringRef name : names)
      diagnostic << " '" << name << "'";
    return diagnostic;
  }
  return getOperation().lookupSymbol<func::FuncOp>(wanted);
}

/// Attention without a cache is what attention with one is that is empty:
/// positions count from zero, and what says where they start goes away.
LogicalResult NNGradientPass::dropCaches(func::FuncOp function) {
  llvm::SetVector<Value> starts;
  for (auto op :
       llvm::make_early_inc_range(function.getOps<nn::AttentionOp>())) {
    if (!op.getCache())
      continue;
    starts.insert(op.getStart());
    OpBuilder builder(op);
    auto causal = nn::AttentionOp::create(
        builder, op.getLoc(), op.getType(), op.getQuery(), op.getKey(),
        op.getValue(), /*lengths=*/Value(), /*cache=*/Value(),
        /*start=*/Value(), /*layer=*/IntegerAttr(), op.getHeadsAttr(),
        op.getKvHeadsAttr(), op.getScaleAttr(), builder.getUnitAttr(),
        op.getWindowAttr());
    op.replaceAllUsesWith(causal.getResult());
    op.erase();
  }
  for (auto ids : function.getOps<nn::PositionIdsOp>())
    if (starts.contains(ids.getStart()))
      ids.getStartMutable().clear();
  llvm::BitVector dropped(function.getNumArguments());
  for (Value start : starts) {
    auto argument = dyn_cast<BlockArgument>(start);
    if (!argument)
      return start.getDefiningOp()->emitOpError(
          "tells where a cache starts: expected an argument of the entry "
          "point");
    if (!argument.use_empty())
      return argument.use_begin()->getOwner()->emitOpError(
          "depends on where a cache starts, which gradients leave out");
    dropped.set(argument.getArgNumber());
  }
  for (BlockArgument argument : function.getArguments())
    if (isa<nn::KVCacheType>(argument.getType())) {
      if (!argument.use_empty())
        return argument.use_begin()->getOwner()->emitOpError(
            "takes a KV cache, which gradients leave out");
      dropped.set(argument.getArgNumber());
    }
  return function.eraseArguments(dropped);
}

/// Adds what the loss compares the output with; sizes are named as those of the
/// entry point's arguments that they are.
FailureOr<Value> NNGradientPass::addTarget(func::FuncOp function, LossKind kind,
                                           Value output) {
  RankedTensorType type = getTargetType(kind, output.getType());
  if (!type)
    return function.emitError("nn-gradient: loss=")
           << loss << ": expected an output that is a tensor of f32 with rows, "
           << "got " << output.getType();
  Builder builder(function.getContext());
  SmallVector<Attribute> names;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    std::string name;
    if (type.isDynamicDim(dim)) {
      name = "target." + std::to_string(dim);
      auto [source, sourceDim] = getDimSource(output, dim);
      auto argument = dyn_cast<BlockArgument>(source);
      auto known = argument ? function.getArgAttrOfType<ArrayAttr>(
                                  argument.getArgNumber(), "qnt.dims")
                            : ArrayAttr();
      if (known && sourceDim < int64_t(known.size()))
        name = cast<StringAttr>(known[sourceDim]).str();
    }
    names.push_back(builder.getStringAttr(name));
  }
  unsigned index = function.getNumArguments();
  (void)function.insertArgument(index, type, {}, function.getLoc());
  StringRef name = kind == LossKind::Cotangent ? "cotangent" : "target";
  function.setArgAttr(index, "qnt.name", builder.getStringAttr(name));
  function.setArgAttr(index, "qnt.dims", builder.getArrayAttr(names));
  return Value(function.getArgument(index));
}

/// Erases what computes nothing that is returned.
static void eraseUnused(func::FuncOp function) {
  function.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

/// Of a function all of whose uses are gone.
static void eraseOthers(ModuleOp module, func::FuncOp kept) {
  llvm::DenseSet<StringRef> loaded;
  kept.walk([&](ml_program::GlobalLoadConstOp load) {
    loaded.insert(load.getGlobal().getLeafReference());
  });
  for (Operation &op : llvm::make_early_inc_range(*module.getBody())) {
    auto global = dyn_cast<ml_program::GlobalOp>(op);
    bool isOther = (isa<func::FuncOp>(op) && &op != kept) ||
                   (global && !loaded.contains(global.getSymName()));
    if (isOther)
      op.erase();
  }
}

LogicalResult NNGradientPass::differentiate(func::FuncOp function,
                                            LossKind kind) {
  auto ret = cast<func::ReturnOp>(function.front().getTerminator());
  if (result >= ret.getNumOperands())
    return error() << "result=" << unsigned(result) << ": the entry point has "
                   << ret.getNumOperands();
  auto weights = chooseGradientWeights(function, llvm::to_vector(wrt));
  if (failed(weights))
    return failure();
  if (layersOnly)
    keepLayersOnly(*weights);
  auto target = addTarget(function, kind, ret.getOperand(result));
  if (failed(target) ||
      (asArguments && failed(makeArguments(function, *weights))))
    return failure();

  SmallVector<Operation *> steps;
  for (Operation &op : function.front().without_terminator())
    if (op.getNumResults() != 1 || !isParamExpression(op.getResult(0)))
      steps.push_back(&op);
  OpBuilder builder(ret);
  Tensors t(builder, function.getLoc());
  Value output = ret.getOperand(result);
  Loss scalar = emitLoss(t, kind, output, *target);
  ReverseSweep sweep(builder);
  for (const GradientWeight &weight : *weights)
    sweep.activate(weight.value);
  sweep.findActive(steps);
  sweep.add(output, scalar.cotangent);
  if (failed(sweep.run(steps)))
    return failure();

  SmallVector<Value> results{scalar.value};
  SmallVector<std::string> names{"loss"};
  for (const GradientWeight &weight : *weights) {
    Value gradient = sweep.getCotangent(weight.value);
    // The output does not depend on it.
    if (!gradient)
      gradient = t.filled(t.sizesOf(weight.value), 0);
    results.push_back(gradient);
    names.push_back(weight.name);
  }
  func::ReturnOp::create(builder, ret.getLoc(), results);
  ret.erase();
  function.setFunctionType(builder.getFunctionType(
      function.getArgumentTypes(), ValueRange(results).getTypes()));
  auto attributes =
      llvm::map_to_vector(names, [&](StringRef name) -> Attribute {
        return builder.getDictionaryAttr(
            builder.getNamedAttr("qnt.name", builder.getStringAttr(name)));
      });
  function.setResAttrsAttr(builder.getArrayAttr(attributes));
  eraseUnused(function);
  return success();
}

LogicalResult NNGradientPass::run() {
  auto kind = parseLossKind(loss);
  if (!kind)
    return error() << "loss=" << loss
                   << ": expected cotangent, cross_entropy, squared_error or "
                      "kl";
  auto source = findEntry();
  if (failed(source))
    return failure();
  if (getOperation().lookupSymbol(name))
    return error() << "name=" << name << ": the module has this symbol";
  func::FuncOp function = source->clone();
  function.setName(name);
  getOperation().push_back(function);
  if (failed(inlineCalls(function)) || failed(dropCaches(function)) ||
      failed(differentiate(function, *kind)))
    return failure();
  if (alone)
    eraseOthers(getOperation(), function);
  return success();
}
