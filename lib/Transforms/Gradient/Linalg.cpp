//===- Linalg.cpp - rules of linalg ops -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Tensors.h"

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;

static LogicalResult reverseTranspose(linalg::TransposeOp op,
                                      ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  SmallVector<int64_t> inverse(op.getPermutation().size());
  for (auto [to, from] : llvm::enumerate(op.getPermutation()))
    inverse[from] = to;
  sweep.add(op.getInput(),
            t.transpose(sweep.getCotangent(op->getResult(0)), inverse));
  return success();
}

static LogicalResult reverseObserve(ObserveOp op, ReverseSweep &sweep) {
  sweep.add(op->getOperand(0), sweep.getCotangent(op->getResult(0)));
  return success();
}

static LogicalResult reverseRotate(RotateOp op, ReverseSweep &sweep) {
  if (op.getMatrices() && sweep.isActive(op.getMatrices()))
    return op.emitOpError("has no rule for the gradient of its matrices");
  OpBuilder &builder = sweep.getBuilder();
  bool isBack = op.getTransposed();
  sweep.add(op.getInput(),
            RotateOp::create(builder, op.getLoc(), op.getType(),
                             sweep.getCotangent(op.getResult()),
                             op.getMatrices(), op.getHadamardAttr(),
                             op.getOutputsAttr(),
                             isBack ? UnitAttr() : builder.getUnitAttr()));
  return success();
}

namespace {
/// Loops whose results are numbers of each point, or sums of such.
class GenericReverse {
public:
  GenericReverse(linalg::GenericOp op, ReverseSweep &sweep)
      : op(op), sweep(sweep), t(sweep.getBuilder(), op.getLoc()) {}

  LogicalResult run();

private:
  InFlightDiagnostic refuse() {
    return op.emitOpError("has no rule for its gradient: ");
  }
  LogicalResult checkOperands();
  LogicalResult findLoops();
  LogicalResult findTerms();
  Value emit(OpOperand &input);

  linalg::GenericOp op;
  ReverseSweep &sweep;
  Tensors t;
  Tensors::Sizes loops;
  SmallVector<Tensors::Operand> operands;
  /// What a result is at a point, or a summand of it, and the cotangent's place
  /// among `operands`.
  SmallVector<std::pair<Value, unsigned>> terms;
  /// Sums of the results so far and terms.
  llvm::SmallPtrSet<Operation *, 2> sums;
};
} // namespace

LogicalResult GenericReverse::checkOperands() {
  for (Value value : op->getOperands()) {
    Type element = getElementTypeOrSelf(value);
    if (sweep.isActive(value) && !element.isF32())
      return refuse() << "expected f32, got " << element;
  }
  LogicalResult status = success();
  op.getBody()->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (operand.getParentBlock() != op.getBody() && sweep.isActive(operand))
        status = failure();
  });
  if (failed(status))
    return refuse() << "its body reads a tensor that depends on the weights";
  return success();
}

LogicalResult GenericReverse::findLoops() {
  loops.resize(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    Tensors::Sizes sizes = t.sizesOf(operand.get());
    Tensors::Operand entry{operand.get(), {}};
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
        int64_t number = loop.getPosition();
        if (llvm::is_contained(entry.loops, number))
          return refuse() << "expected different loops in "
                          << AffineMapAttr::get(map);
        entry.loops.push_back(number);
        if (!loops[number])
          loops[number] = sizes[i];
        continue;
      }
      auto constant = dyn_cast<AffineConstantExpr>(expr);
      if (!constant || constant.getValue() != 0)
        return refuse() << "expected loops and 0 in "
                        << AffineMapAttr::get(map);
      entry.loops.push_back(-1);
    }
    operands.push_back(entry);
  }
  for (OpFoldResult size : loops)
    if (!size)
      return refuse() << "a loop has no size";
  return success();
}

LogicalResult GenericReverse::findTerms() {
  Block &body = *op.getBody();
  unsigned numInputs = op.getNumDpsInputs();
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    BlockArgument old = body.getArgument(numInputs + i);
    Value term = body.getTerminator()->getOperand(i);
    bool isReduced = llvm::is_contained(op.getIteratorTypesArray(),
                                        utils::IteratorType::reduction);
    bool isSum = isReduced || !old.use_empty();
    if (isSum) {
      auto sum = term.getDefiningOp<arith::AddFOp>();
      if (!sum || !old.hasOneUse() || *old.user_begin() != sum ||
          !sum->hasOneUse())
        return refuse() << "expected numbers of each point, or sums of such";
      term = sum.getLhs() == old ? sum.getRhs() : sum.getLhs();
      sums.insert(sum);
    }
    Value dy = sweep.getCotangent(result);
    if (!dy)
      continue;
    Value init = op.getDpsInits()[i];
    if (isSum && sweep.isActive(init))
      sweep.add(init, dy);
    terms.push_back({term, unsigned(operands.size())});
    operands.push_back({dy, operands[numInputs + i].loops});
  }
  return success();
}

Value GenericReverse::emit(OpOperand &input) {
  unsigned number = input.getOperandNumber();
  SmallVector<int64_t> kept;
  for (int64_t loop : operands[number].loops)
    if (loop >= 0)
      kept.push_back(loop);
  bool isKnown = true;
  Value sum = t.nest(loops, operands, kept, [&](Numbers &n, ValueRange args) {
    Block &body = *op.getBody();
    IRMapping mapping;
    ReverseSweep inner(n.builder);
    for (BlockArgument argument : body.getArguments()) {
      unsigned place = argument.getArgNumber();
      mapping.map(argument, args[place]);
      if (place < op.getNumDpsInputs() && sweep.isActive(op->getOperand(place)))
        inner.activate(args[place]);
    }
    SmallVector<Operation *> steps;
    for (Operation &step : body.without_terminator())
      if (!sums.contains(&step))
        steps.push_back(n.builder.clone(step, mapping));
    inner.findActive(steps);
    for (auto [term, place] : terms)
      if (Value value = mapping.lookupOrDefault(term); inner.isActive(value))
        inner.add(value, args[place]);
    isKnown = succeeded(inner.run(steps));
    Value result = inner.getCotangent(args[number]);
    return result ? result : n.f32(0);
  });
  return isKnown ? t.asLike(sum, input.get()) : Value();
}

LogicalResult GenericReverse::run() {
  if (failed(checkOperands()) || failed(findLoops()) || failed(findTerms()))
    return failure();
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (!sweep.isActive(input->get()))
      continue;
    Value cotangent = emit(*input);
    if (!cotangent)
      return failure();
    sweep.add(input->get(), cotangent);
  }
  return success();
}

static LogicalResult reverseGeneric(linalg::GenericOp op, ReverseSweep &sweep) {
  return GenericReverse(op, sweep).run();
}

void qnt::attachLinalgRules(MLIRContext *context) {
  attachRule<linalg::TransposeOp, reverseTranspose>(context);
  attachRule<linalg::GenericOp, reverseGeneric>(context);
}

void qnt::attachQNTRules(MLIRContext *context) {
  attachRule<ObserveOp, reverseObserve>(context);
  attachRule<RotateOp, reverseRotate>(context);
}
