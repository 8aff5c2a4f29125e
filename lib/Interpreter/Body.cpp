//===- Body.cpp - the region of a linalg op, for many points -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Body.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

unsigned Body::newSlot() {
  lanes.resize(lanes.size() + kMaxLanes);
  return unsigned(lanes.size() / kMaxLanes - 1);
}

unsigned Body::slotOf(Value value, const Frame &frame) {
  auto known = slots.find(value);
  if (known != slots.end())
    return known->second;
  unsigned slot = slots[value] = newSlot();
  const Tensor &outside = frame.tensor(value);
  loadLanes(outside.getKind(), outside.data(), 0, 0, kMaxLanes, lanesOf(slot));
  return slot;
}

LogicalResult Body::add(Operation &op, const Frame &frame) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Scalar value;
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      value.f = number.getValueAsDouble();
    else if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
      value.i = number.getType().isInteger(1)
                    ? int64_t(number.getValue().getZExtValue())
                    : number.getValue().getSExtValue();
    else
      return op.emitOpError("is not a number in the body of a linalg op");
    unsigned slot = slots[constant] = newSlot();
    std::fill_n(lanesOf(slot), kMaxLanes, value);
    return success();
  }
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    unsigned slot = slots[index] = newSlot();
    indices.push_back({int64_t(index.getDim()), slot});
    return success();
  }
  Instruction instruction;
  instruction.origin = &op;
  ValueRange operands = op.getOperands();
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    sources[&op] = frame.tensor(extract.getTensor());
    operands = extract.getIndices();
  } else {
    instruction.op = ScalarOp::get(&op);
    if (!instruction.op || op.getNumOperands() > 3)
      return op.emitOpError(
          "is not known to the interpreter in the body of a linalg op");
  }
  for (Value operand : operands)
    instruction.operands.push_back(slotOf(operand, frame));
  instruction.result = slots[op.getResult(0)] = newSlot();
  instructions.push_back(std::move(instruction));
  return success();
}

FailureOr<Body> Body::compile(Block &block, const Frame &frame) {
  Body body;
  body.block = &block;
  for (BlockArgument argument : block.getArguments())
    if (!argument.use_empty())
      body.slots[argument] = body.newSlot();
  for (Operation &op : block.without_terminator())
    if (failed(body.add(op, frame)))
      return failure();
  for (Value value : block.getTerminator()->getOperands())
    body.results.push_back(body.slotOf(value, frame));
  return body;
}

Scalar *Body::argument(unsigned i) {
  auto slot = slots.find(block->getArgument(i));
  return slot == slots.end() ? nullptr : lanesOf(slot->second);
}

void Body::forIndices(function_ref<void(int64_t, Scalar *)> fn) {
  for (auto [dim, slot] : indices)
    fn(dim, lanesOf(slot));
}

LogicalResult Body::extract(const Instruction &instruction, int64_t count) {
  const Tensor &source = sources.at(instruction.origin);
  Scalar *out = lanesOf(instruction.result);
  // What is read of a tensor without elements cannot matter.
  if (source.size() == 0) {
    std::fill_n(out, count, Scalar{});
    return success();
  }
  for (int64_t lane = 0; lane < count; ++lane) {
    int64_t at = 0;
    for (auto [dim, slot] : llvm::enumerate(instruction.operands)) {
      int64_t index = lanesOf(slot)[lane].i, size = source.getDim(dim);
      if (index < 0 || index >= size)
        return instruction.origin->emitOpError("reads index ")
               << index << " of dimension " << dim << ", which has size "
               << size;
      at = at * size + index;
    }
    loadLanes(source.getKind(), source.data(), at, 0, 1, out + lane);
  }
  return success();
}

LogicalResult Body::run(int64_t count) {
  for (const Instruction &instruction : instructions) {
    if (!instruction.op) {
      if (failed(extract(instruction, count)))
        return failure();
      continue;
    }
    const Scalar *in[3] = {};
    for (auto [i, slot] : llvm::enumerate(instruction.operands))
      in[i] = lanesOf(slot);
    instruction.op->run(lanesOf(instruction.result), in, count);
  }
  return success();
}
