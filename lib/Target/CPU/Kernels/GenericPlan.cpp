//===- GenericPlan.cpp - how a linalg op's loops become code ----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GenericPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MD5.h"

#include <limits>

using namespace mlir;
using namespace qnt::cpu;

using Stride = GenericNest::Stride;

/// How to start and finish a fold that lanes may share.
struct FoldKind {
  vector::CombiningKind kind;
  double neutral;
};

static std::optional<FoldKind> getFoldKind(Operation *op) {
  using Kind = vector::CombiningKind;
  Type type = op->getResult(0).getType();
  double inf = std::numeric_limits<double>::infinity();
  if (type.isF32() || type.isF64()) {
    if (isa<arith::AddFOp>(op))
      return FoldKind{Kind::ADD, 0};
    if (isa<arith::MulFOp>(op))
      return FoldKind{Kind::MUL, 1};
    if (isa<arith::MaximumFOp>(op))
      return FoldKind{Kind::MAXIMUMF, -inf};
    if (isa<arith::MinimumFOp>(op))
      return FoldKind{Kind::MINIMUMF, inf};
    return std::nullopt;
  }
  if (!type.isInteger(32) && !type.isInteger(64))
    return std::nullopt;
  if (isa<arith::AddIOp>(op))
    return FoldKind{Kind::ADD, 0};
  if (isa<arith::MulIOp>(op))
    return FoldKind{Kind::MUL, 1};
  if (isa<arith::OrIOp>(op))
    return FoldKind{Kind::OR, 0};
  if (isa<arith::AndIOp>(op))
    return FoldKind{Kind::AND, -1};
  return std::nullopt;
}

Value qnt::cpu::emitNeutral(KernelBuilder &k, Operation *fold) {
  return k.constant(fold->getResult(0).getType(), getFoldKind(fold)->neutral);
}

Value qnt::cpu::emitFold(KernelBuilder &k, Operation *fold, Value lanes) {
  vector::CombiningKind kind = getFoldKind(fold)->kind;
  Type element = getElementTypeOrSelf(lanes.getType());
  if (isa<FloatType>(element))
    return vector::ReductionOp::create(k.b, k.loc, kind, lanes,
                                       arith::FastMathFlags::reassoc);
  return vector::ReductionOp::create(k.b, k.loc, kind, lanes);
}

/// The folds of all results, where each is one of a result and values that no
/// result takes part in.
static std::optional<SmallVector<GenericPlan::Fold>>
getFolds(const GenericNest &nest) {
  Block &body = nest.getBody();
  SmallVector<GenericPlan::Fold> folds;
  unsigned numInputs = nest.getNumInputs();
  for (auto [i, value] : llvm::enumerate(body.getTerminator()->getOperands())) {
    BlockArgument old = body.getArgument(numInputs + i);
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &body || !old.hasOneUse() ||
        *old.user_begin() != op || !op->hasOneUse() ||
        op->getNumOperands() != 2 || !getFoldKind(op))
      return std::nullopt;
    folds.push_back({op, op->getOperand(op->getOperand(0) == old ? 1 : 0)});
  }
  return folds;
}

GenericPlan GenericPlan::choose(const GenericNest &nest) {
  GenericPlan plan;
  unsigned numInputs = nest.getNumInputs();
  auto isContiguous = [&](unsigned operand, int64_t loop) {
    return nest.operands[operand].strides[loop] == Stride::One;
  };
  // Whether all inputs are one number or contiguous along a loop.
  auto isSmooth = [&](int64_t loop) {
    return llvm::all_of(ArrayRef(nest.operands).take_front(numInputs),
                        [&](const GenericNest::Operand &operand) {
                          return operand.constant || !operand.isRead ||
                                 operand.strides[loop] != Stride::Runtime;
                        });
  };
  int64_t lastReduction = -1;
  for (auto [i, loop] : llvm::enumerate(nest.loops)) {
    if (loop.isReduction) {
      lastReduction = i;
      continue;
    }
    bool everywhere = true;
    for (unsigned o = numInputs; o < nest.operands.size(); ++o)
      everywhere &= isContiguous(o, i);
    if (everywhere)
      plan.lane = i;
  }
  if (plan.lane >= 0)
    plan.mode = Mode::Vertical;
  if (lastReduction >= 0 && isSmooth(lastReduction) &&
      (plan.lane < 0 || !isSmooth(plan.lane)))
    if (auto folds = getFolds(nest)) {
      plan.folds = *folds;
      plan.mode = Mode::Horizontal;
      plan.lane = lastReduction;
    }
  for (auto [i, loop] : llvm::enumerate(nest.loops))
    if (int64_t(i) != plan.lane)
      (loop.isReduction ? plan.inner : plan.outer).push_back(i);
  return plan;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// All that the code depends on: loops, operands, the body with values by
/// number.
static std::string getText(const GenericNest &nest, const GenericPlan &plan) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << int(plan.mode) << " " << plan.lane << "\n";
  for (const GenericNest::Loop &loop : nest.loops)
    os << (loop.isReduction ? "r" : "p") << loop.index.value_or(-1) << " ";
  for (const GenericNest::Operand &operand : nest.operands) {
    os << "\n" << operand.element << " " << operand.isRead << " ";
    for (Stride stride : operand.strides)
      os << int(stride);
    if (operand.constant)
      os << " = " << operand.constant;
  }
  llvm::DenseMap<Value, unsigned> numbers;
  auto numberOf = [&](Value value) {
    return numbers.try_emplace(value, numbers.size()).first->second;
  };
  Block &body = nest.getBody();
  for (BlockArgument argument : body.getArguments())
    numberOf(argument);
  for (Value source : nest.sources)
    os << "\nsource " << numberOf(source) << " "
       << cast<RankedTensorType>(source.getType()).getRank() << " "
       << getElementTypeOrSelf(source.getType());
  for (Value index : nest.indices)
    os << "\nindex " << numberOf(index) << " " << index.getType();
  for (arith::ConstantOp constant : nest.constants)
    os << "\nconstant " << numberOf(constant) << " " << constant.getValue();
  for (Operation &op : body) {
    os << "\n";
    for (Value value : op.getResults())
      os << numberOf(value) << ":" << value.getType() << " ";
    os << op.getName() << op.getAttrDictionary();
    for (Value value : op.getOperands())
      os << " " << numberOf(value);
  }
  return text;
}

std::string qnt::cpu::getKernelName(const GenericNest &nest,
                                    const GenericPlan &plan) {
  std::string name = "generic";
  unsigned listed = 0;
  for (Operation &op : nest.getBody().without_terminator())
    if (!isa<arith::ConstantOp, linalg::IndexOp>(op) && listed++ < 4)
      name += (listed == 1 ? "." : "_") + op.getName().stripDialect().str();
  llvm::MD5::MD5Result hash =
      llvm::MD5::hash(llvm::arrayRefFromStringRef(getText(nest, plan)));
  return name + "." + llvm::toHex(ArrayRef<uint8_t>(hash).take_front(8), true);
}
