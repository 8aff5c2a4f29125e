//===- States.cpp - what a process does with its states -------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "States.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// Integers that follow from indices alone, in the first iteration.
class FirstIteration {
public:
  explicit FirstIteration(ProcessOp process) {
    for (Value index : process.getIndices())
      known[index] = APInt(index.getType().getIntOrFloatBitWidth(), 0);
    for (Operation &op : process.getBody().front())
      if (std::optional<APInt> value = evaluate(&op))
        known[op.getResult(0)] = *value;
  }

  const APInt *find(Value value) const {
    auto it = known.find(value);
    return it == known.end() ? nullptr : &it->second;
  }

private:
  std::optional<APInt> evaluate(Operation *op) const {
    APInt constant;
    if (matchPattern(op, m_ConstantInt(&constant)))
      return constant;
    if (op->getNumOperands() != 2 || op->getNumResults() != 1)
      return std::nullopt;
    const APInt *a = find(op->getOperand(0)), *b = find(op->getOperand(1));
    if (isa<arith::AndIOp>(op))
      for (const APInt *one : {a, b})
        if (one && one->isZero())
          return *one;
    if (!a || !b)
      return std::nullopt;
    if (auto compare = dyn_cast<arith::CmpIOp>(op))
      return APInt(1, arith::applyCmpPredicate(compare.getPredicate(), *a, *b));
    if (isa<arith::AndIOp>(op))
      return *a & *b;
    if (isa<arith::OrIOp>(op))
      return *a | *b;
    return std::nullopt;
  }

  llvm::DenseMap<Value, APInt> known;
};
} // namespace

bool fpga::isSeenFirst(ProcessOp process, Value state) {
  FirstIteration first(process);
  llvm::DenseSet<Value> reached{state};
  auto isReached = [&](Value value) { return reached.contains(value); };
  for (Operation &op : process.getBody().front()) {
    if (auto select = dyn_cast<arith::SelectOp>(op))
      if (const APInt *condition = first.find(select.getCondition())) {
        if (isReached(condition->isOne() ? select.getTrueValue()
                                         : select.getFalseValue()))
          reached.insert(select.getResult());
        continue;
      }
    if (llvm::none_of(op.getOperands(), isReached))
      continue;
    if (isa<NextOp>(op) || !isPure(&op))
      return true;
    reached.insert_range(op.getResults());
  }
  return false;
}
