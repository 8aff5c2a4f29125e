//===- Sweep.cpp - the reverse sweep -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Transforms/Gradient.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

#include "qnt/Transforms/DifferentiableOpInterface.cpp.inc"

using namespace mlir;
using namespace qnt;

void ReverseSweep::add(Value value, Value cotangent) {
  // Sizes that code made here knows may be dynamic in the value's type.
  if (cotangent.getType() != value.getType())
    cotangent = tensor::CastOp::create(builder, cotangent.getLoc(),
                                       value.getType(), cotangent);
  Value &sum = cotangents[value];
  if (!sum)
    sum = cotangent;
  else if (isa<RankedTensorType>(sum.getType()))
    sum = nn::AddOp::create(builder, cotangent.getLoc(), sum, cotangent);
  else
    sum = arith::AddFOp::create(builder, cotangent.getLoc(), sum, cotangent);
}

/// Calls `visit` on all that `op` reads, its regions included.
static void forEachOperand(Operation *op, function_ref<void(Value)> visit) {
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (inner == op ||
          !op->isAncestor(operand.getParentBlock()->getParentOp()))
        visit(operand);
  });
}

void ReverseSweep::findActive(ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    // Sizes do not depend on numbers.
    if (isa<tensor::DimOp, DimOp>(op))
      continue;
    bool readsActive = false;
    forEachOperand(op,
                   [&](Value operand) { readsActive |= isActive(operand); });
    if (!readsActive)
      continue;
    // A comparison has no slope; other integers may stand for floats, and want
    // a rule.
    for (Value result : op->getResults())
      if (!getElementTypeOrSelf(result).isInteger(1))
        activate(result);
  }
}

LogicalResult ReverseSweep::run(ArrayRef<Operation *> ops) {
  for (Operation *op : llvm::reverse(ops)) {
    bool isActiveOp = llvm::any_of(op->getResults(), [&](Value result) {
      return isActive(result) && getCotangent(result);
    });
    if (!isActiveOp)
      continue;
    auto rule = dyn_cast<DifferentiableOpInterface>(op);
    if (!rule)
      return op->emitOpError("has no rule for its gradient");
    if (failed(rule.reverse(*this)))
      return failure();
  }
  return success();
}
