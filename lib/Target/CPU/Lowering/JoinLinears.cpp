//===- JoinLinears.cpp - layers of one input in one call --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Linear layers of one input, such as query, key and value, or gate and up, run
// in one parallel loop: threads meet once, and have more work to share. Weights
// and results stay where they are. A layer whose epilogue reads the result of
// another (up, multiplied by gate) computes the same columns after it.
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "../Kernels/Joined.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// A layer on panels of a stored weight; null for another op.
static qnt::LinearOp asJoinable(Operation *op) {
  auto linear = dyn_cast<qnt::LinearOp>(op);
  if (!linear ||
      !isa_and_present<PanelsAttr>(linear.getWeight().getType().getLayout()) ||
      !isa_and_present<PanelStrategyAttr>(linear.getStrategyAttr()))
    return {};
  return linear;
}

/// Tasks of the layer's kernel.
static int64_t getUnits(qnt::LinearOp op) {
  return getLinearUnits(op.getWeight().getType(),
                        cast<PanelStrategyAttr>(op.getStrategyAttr()));
}

/// Those of `group` whose result `op` reads; none when it may not join them.
static std::optional<SmallVector<unsigned, 1>>
findRead(ArrayRef<Operation *> group, qnt::LinearOp op) {
  SmallVector<unsigned, 1> read;
  for (auto [i, member] : llvm::enumerate(group)) {
    auto first = cast<qnt::LinearOp>(member);
    if (!llvm::is_contained(op->getOperands(), first.getResult()))
      continue;
    // Column by column, by tasks of as many columns.
    if (!isa<RankedTensorType>(op.getResult().getType()) ||
        first.getResult().getType() != op.getResult().getType() ||
        getUnits(first) != getUnits(op) || op.getInput() == first.getResult())
      return std::nullopt;
    read.push_back(i);
  }
  return read;
}

/// Whether one call may compute `op` with those of `group`.
static bool joins(ArrayRef<Operation *> group, Operation &op) {
  auto linear = asJoinable(&op);
  if (!linear || group.empty() || !asJoinable(group.front()) ||
      linear.getInput() != cast<qnt::LinearOp>(group.front()).getInput())
    return false;
  auto read = findRead(group, linear);
  return read && read->size() <= 1;
}

void FunctionLowering::joinGroup(Operation &op, int64_t step) {
  if (!joins(group, op)) {
    group = {&op};
    groupStep = step;
    return;
  }
  withNext.insert(group.back());
  group.push_back(&op);
  for (unsigned buffer : buffers.lookup(op.getResult(0)))
    memory.buffers[buffer].first = groupStep;
  for (Operation *member : group)
    for (ValueRange values :
         {ValueRange(member->getOperands()), ValueRange(member->getResults())})
      for (Value value : values)
        for (unsigned buffer : buffers.lookup(root(value)))
          memory.extend(buffer, step);
}

void qnt::cpu::gatherLinears(func::FuncOp function) {
  if (function.isDeclaration())
    return;
  Block &block = function.getBody().front();
  llvm::DenseSet<Operation *> placed;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    auto first = asJoinable(&op);
    if (!first || !placed.insert(&op).second)
      continue;
    SmallVector<qnt::LinearOp> others;
    for (Operation *user : first.getInput().getUsers())
      if (auto other = asJoinable(user))
        if (other->getBlock() == &block && first->isBeforeInBlock(other) &&
            !llvm::is_contained(others, other))
          others.push_back(other);
    llvm::sort(others, [](qnt::LinearOp a, qnt::LinearOp b) {
      return a->isBeforeInBlock(b);
    });
    Operation *last = first;
    for (qnt::LinearOp other : others) {
      // Operands are made before the group, by one of it, or loaded.
      SmallVector<Operation *> loads;
      bool isMovable = llvm::all_of(other->getOperands(), [&](Value operand) {
        Operation *maker = operand.getDefiningOp();
        if (!maker || !last->isBeforeInBlock(maker))
          return true;
        loads.push_back(maker);
        return isa<ml_program::GlobalLoadConstOp, arith::ConstantOp>(maker);
      });
      if (!isMovable || !placed.insert(other).second)
        continue;
      for (Operation *load : loads)
        load->moveBefore(first);
      other->moveAfter(last);
      last = other;
    }
  }
}

void FunctionLowering::emitJoined(KernelBuilder &k) {
  SmallVector<Operation *> group;
  SmallVector<JoinedPart> parts;
  SmallVector<Value> args{context};
  int64_t units = 0;
  for (const PendingLinear &layer : pending) {
    auto read = findRead(group, layer.op);
    int64_t count = getUnits(layer.op), first = units;
    if (!read->empty())
      first = parts[read->front()].first;
    units = std::max(units, first + count);
    parts.push_back({layer.kernel, first, count});
    llvm::append_range(args, ArrayRef(layer.args).drop_front());
    group.push_back(layer.op);
  }
  Kernel kernel = parts.size() == 1 ? parts.front().kernel
                                    : getJoinedKernel(module.lib, parts);
  k.call(kernel, args);
  int64_t first = module.ops.size();
  for (const PendingLinear &layer : pending) {
    finish(k, *layer.op, kernel, layer.macs, layer.bytes);
    if (parts.size() > 1)
      (*module.ops.back().getAsObject())["call"] = first;
  }
  pending.clear();
}
