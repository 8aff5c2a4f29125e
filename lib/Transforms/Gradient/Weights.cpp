//===- Weights.cpp - what gradients are with respect to -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Weights.h"

#include "Convolutions.h"
#include "Windows.h"

#include "qnt/Analysis/ParamExpressions.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace qnt;

static bool isWeightOf(Value value, Operation *op) {
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return linear.getWeight() == value;
  if (auto conv = dyn_cast<nn::ConvOp>(op))
    return conv.getWeight() == value;
  return false;
}

/// Each parameter expression that something else takes, written once.
static SmallVector<Value> joinExpressions(func::FuncOp function) {
  Operation *place = &function.front().front();
  for (Operation &op : llvm::make_early_inc_range(function.front()))
    if (op.getNumResults() == 1 && isParamExpression(op.getResult(0))) {
      if (&op == place)
        place = op.getNextNode();
      else
        op.moveBefore(place);
    }
  DenseMap<Value, Value> first;
  auto module = function->getParentOfType<ModuleOp>();
  for (const ParamRoot &root : collectParamRoots(module)) {
    Value own;
    for (Value value : root.values) {
      if (value.getParentRegion() != &function.getBody())
        continue;
      if (!own)
        own = value;
      else
        value.replaceAllUsesWith(own);
      first[value] = own;
    }
  }
  // In the order in which they are taken.
  llvm::SetVector<Value> roots;
  for (Operation &op : function.front())
    if (op.getNumResults() != 1 || !isParamExpression(op.getResult(0)))
      for (Value operand : op.getOperands())
        if (Value root = first.lookup(operand); root && getSourceLoad(root))
          roots.insert(root);
  return roots.takeVector();
}

namespace {
struct NamePattern {
  std::string text;
  llvm::Regex regex;
  bool isFound = false;
};
} // namespace

static bool isChosen(Value root, MutableArrayRef<NamePattern> patterns) {
  if (patterns.empty())
    return llvm::any_of(root.getUsers(),
                        [&](Operation *op) { return isWeightOf(root, op); });
  bool isFound = false;
  for (NamePattern &pattern : patterns) {
    bool matches = pattern.regex.match(getParamName(root)) ||
                   llvm::any_of(root.getUsers(), [&](Operation *op) {
                     return isWeightOf(root, op) &&
                            pattern.regex.match(getLocationName(op->getLoc()));
                   });
    pattern.isFound |= matches;
    isFound |= matches;
  }
  return isFound;
}

FailureOr<SmallVector<GradientWeight>>
qnt::chooseGradientWeights(func::FuncOp function, ArrayRef<std::string> texts) {
  std::vector<NamePattern> patterns;
  for (const std::string &text : texts) {
    NamePattern &pattern =
        patterns.emplace_back(NamePattern{text, llvm::Regex(text)});
    std::string why;
    if (text.empty() || !pattern.regex.isValid(why))
      return function.emitError("nn-gradient: wrt=")
             << text << ": expected a regular expression"
             << (why.empty() ? "" : ": ") << why;
  }
  SmallVector<GradientWeight> weights;
  llvm::StringMap<unsigned> names;
  for (Value root : joinExpressions(function)) {
    if (!isChosen(root, patterns))
      continue;
    std::string name = getParamName(root).str();
    auto type = dyn_cast<RankedTensorType>(root.getType());
    if (!type || !type.getElementType().isF32())
      return function.emitError("nn-gradient: parameter '")
             << name << "': expected a tensor of f32, got " << root.getType();
    if (unsigned count = ++names[name]; count > 1)
      name += "." + std::to_string(count);
    weights.push_back({root, name});
  }
  for (const NamePattern &pattern : patterns)
    if (!pattern.isFound)
      return function.emitError("nn-gradient: wrt=")
             << pattern.text << ": finds no parameter of the entry point";
  if (weights.empty())
    return function.emitError(
        "nn-gradient: the entry point has no linear layer "
        "or convolution with a parameter");
  return weights;
}

void qnt::keepLayersOnly(MutableArrayRef<GradientWeight> weights) {
  for (GradientWeight &weight : weights) {
    Operation *op = weight.value.getDefiningOp();
    Value other = OpBuilder(op).clone(*op)->getResult(0);
    weight.value.replaceUsesWithIf(other, [](OpOperand &use) {
      return !isWeightOf(use.get(), use.getOwner());
    });
  }
}

//===----------------------------------------------------------------------===//
// Weights as arguments
//===----------------------------------------------------------------------===//

static void replaceLinear(nn::LinearOp op) {
  OpBuilder builder(op);
  Tensors t(builder, op.getLoc());
  Value result = t.matmul(t.asRows(op.getInput()), op.getWeight(), true);
  result = t.asLike(result, op.getResult());
  if (op.getBias())
    result = nn::AddOp::create(builder, op.getLoc(), result, op.getBias());
  op.replaceAllUsesWith(result);
  op.erase();
}

static void replaceConv(nn::ConvOp op) {
  OpBuilder builder(op);
  Tensors t(builder, op.getLoc());
  ConvMatrices m(t, op);
  Value result = m.joinPixels(
      t.matmul(m.emitPatches(), m.splitWeight(op.getWeight()), true));
  if (op.getBias())
    result = nn::AddOp::create(builder, op.getLoc(), result, op.getBias());
  op.replaceAllUsesWith(result);
  op.erase();
}

LogicalResult qnt::makeArguments(func::FuncOp function,
                                 MutableArrayRef<GradientWeight> weights) {
  Builder builder(function.getContext());
  for (GradientWeight &weight : weights) {
    unsigned index = function.getNumArguments();
    (void)function.insertArgument(index, weight.value.getType(), {},
                                  weight.value.getLoc());
    function.setArgAttr(index, "qnt.name", builder.getStringAttr(weight.name));
    Value argument = function.getArgument(index);
    weight.value.replaceUsesWithIf(argument, [](OpOperand &use) {
      Operation *user = use.getOwner();
      return user->getNumResults() != 1 ||
             !isParamExpression(user->getResult(0));
    });
    weight.value = argument;
  }
  for (const GradientWeight &weight : weights)
    for (Operation *op : llvm::to_vector(weight.value.getUsers())) {
      if (!isWeightOf(weight.value, op))
        continue;
      if (auto linear = dyn_cast<nn::LinearOp>(op))
        replaceLinear(linear);
      else if (failed(checkImageShapes(op)))
        return failure();
      else
        replaceConv(cast<nn::ConvOp>(op));
    }
  return success();
}
