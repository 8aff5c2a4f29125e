//===- Layouts.cpp - gives operands of contractions a layout -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Layouts.h"

using namespace mlir;
using namespace qnt;

void target::packWeight(OpOperand &weight, Attribute layout) {
  auto type = cast<QTensorType>(weight.get().getType());
  if (type.getLayout())
    return;
  OpBuilder builder(weight.getOwner());
  weight.assign(PackOp::create(builder, weight.getOwner()->getLoc(),
                               type.withLayout(layout), weight.get()));
}

Value target::share(QuantizeOp quantize, QTensorType type) {
  for (Operation *user : quantize.getInput().getUsers()) {
    auto other = dyn_cast<QuantizeOp>(user);
    if (other && other.getType() == type &&
        other.getScale() == quantize.getScale() &&
        other.getZero() == quantize.getZero())
      return other.getResult();
  }
  OpBuilder builder(quantize);
  return QuantizeOp::create(builder, quantize.getLoc(), type,
                            quantize.getInput(), quantize.getScale(),
                            quantize.getZero(), quantize.getClip());
}

/// Codes that another contraction made, once more from their numbers, which
/// gives the same codes. Null for codes from elsewhere.
static QuantizeOp requantize(qnt::LinearOp op) {
  auto made = op.getInput().getDefiningOp<EpilogueOp>();
  auto type = cast<QTensorType>(op.getInput().getType());
  if (!made)
    return {};
  OpBuilder builder(op);
  Value numbers = DequantizeOp::create(
      builder, op.getLoc(),
      RankedTensorType::get(type.getShape(), builder.getF32Type()),
      op.getInput());
  bool hasZero = type.hasZeros();
  OperandRange extra = made.getExtra();
  return QuantizeOp::create(builder, op.getLoc(), type, numbers,
                            extra[extra.size() - (hasZero ? 2 : 1)],
                            hasZero ? extra.back() : Value(),
                            ClipMethod::AbsMax);
}

LogicalResult target::layOutInput(qnt::LinearOp op, QTensorType type) {
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  if (!quantize)
    quantize = requantize(op);
  if (!quantize)
    return op.emitOpError("expected the input to come from a qnt.quantize in "
                          "the same function, got ")
           << op.getInput().getType();
  op.getInputMutable().assign(share(quantize, type));
  return success();
}
