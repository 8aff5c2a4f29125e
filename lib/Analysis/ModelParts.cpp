//===- ModelParts.cpp - where a model can be cut -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ModelParts.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace qnt;

namespace {
/// One op that makes activations or watches them.
struct Step {
  Operation *op = nullptr;
  /// The one activation that is used later; null where there are none or
  /// several.
  Value link;
  bool hasMatrix = false;
};

class PartFinder {
public:
  explicit PartFinder(func::FuncOp function) : function(function) {}
  ModelParts find();

private:
  void collectSteps();
  void findLinks();
  void cut();
  void keepSitesTogether();
  void needAlikeParts();
  /// The step that an op stands for, or whose operands it makes.
  int64_t positionOf(Operation *op);

  func::FuncOp function;
  ModelParts parts;
  std::vector<Step> steps;
  DenseMap<Operation *, int64_t> positions;
  /// Indices of the steps that end parts.
  SmallVector<int64_t> ends;
};
} // namespace

void qnt::forEachOperand(Operation *op, function_ref<void(Value)> visit) {
  for (Value operand : op->getOperands())
    visit(operand);
  visitUsedValuesDefinedAbove(
      op->getRegions(), [&](OpOperand *operand) { visit(operand->get()); });
}

static bool isLayer(Operation *op) {
  return isa<nn::LinearOp, nn::ConvOp, nn::EmbeddingOp, nn::AttentionOp,
             nn::MatmulOp>(op);
}

void PartFinder::collectSteps() {
  for (Operation &op : function.front().without_terminator()) {
    if (op.getNumResults() && isParamExpression(op.getResult(0)))
      continue;
    bool isActivation = isLayer(&op), hasMatrix = false;
    forEachOperand(&op, [&](Value operand) {
      isActivation |= parts.activations.contains(operand);
      if (!isParamExpression(operand) || !getSourceLoad(operand))
        return;
      isActivation = true;
      auto type = dyn_cast<ShapedType>(operand.getType());
      hasMatrix |= !type || type.getRank() > 1;
    });
    if (isActivation)
      parts.activations.insert_range(op.getResults());
    if (isActivation || isa<ObserveOp>(op)) {
      positions[&op] = int64_t(steps.size());
      steps.push_back({&op, {}, hasMatrix});
    }
  }
}

int64_t PartFinder::positionOf(Operation *op) {
  auto found = positions.find(function.front().findAncestorOpInBlock(*op));
  return found == positions.end() ? -1 : found->second;
}

/// What is alive after each step, and which steps cannot end a part.
void PartFinder::findLinks() {
  DenseMap<Value, int64_t> lastUse;
  int64_t firstCut = 0;
  for (auto [at, step] : llvm::enumerate(steps)) {
    if (isa<nn::ConvOp>(step.op))
      firstCut = int64_t(at);
    for (Value value : step.op->getResults())
      for (Operation *user : value.getUsers())
        if (int64_t use = positionOf(user); use > int64_t(at))
          lastUse[value] = std::max(lastUse.lookup(value), use);
  }
  llvm::SetVector<Value> alive;
  for (auto [at, step] : llvm::enumerate(steps)) {
    for (Value value : step.op->getResults())
      if (parts.activations.contains(value) && lastUse.contains(value))
        alive.insert(value);
    alive.remove_if(
        [&](Value value) { return lastUse.lookup(value) <= int64_t(at); });
    if (alive.size() != 1 || int64_t(at) < firstCut)
      continue;
    auto type = dyn_cast<RankedTensorType>(alive.front().getType());
    if (type && type.getElementType().isF32() && type.getRank() &&
        !type.isDynamicDim(type.getRank() - 1))
      step.link = alive.front();
  }
}

/// As late as possible before the next layer, so that what follows a layer
/// stays with it; lookups that are summed stay together.
void PartFinder::cut() {
  int64_t pending = -1;
  bool hasMatrix = false;
  for (auto [at, step] : llvm::enumerate(steps)) {
    if (step.hasMatrix) {
      if (pending >= 0 && !isa<nn::EmbeddingOp>(step.op))
        ends.push_back(pending);
      hasMatrix = true;
      pending = -1;
    }
    if (step.link && hasMatrix && !isa<ObserveOp>(step.op))
      pending = int64_t(at);
  }
  // Nothing runs that nothing watches.
  auto isWatched = [&](int64_t after) {
    return llvm::any_of(
        ArrayRef(steps).drop_front(after + 1),
        [](const Step &step) { return isa<ObserveOp>(step.op); });
  };
  while (!ends.empty() && !isWatched(ends.back()))
    ends.pop_back();
}

void PartFinder::keepSitesTogether() {
  llvm::MapVector<StringAttr, std::pair<int64_t, int64_t>> spans;
  for (auto [at, step] : llvm::enumerate(steps))
    if (auto observe = dyn_cast<ObserveOp>(step.op))
      spans.try_emplace(observe.getSiteAttr(), at, at).first->second.second =
          int64_t(at);
  llvm::erase_if(ends, [&](int64_t end) {
    return llvm::any_of(spans, [&](const auto &span) {
      return span.second.first <= end && end < span.second.second;
    });
  });
}

void PartFinder::needAlikeParts() {
  DenseSet<size_t> seen;
  bool isRepeated = false;
  int64_t begin = 0;
  SmallVector<int64_t> bounds(ends);
  bounds.push_back(int64_t(steps.size()) - 1);
  for (int64_t end : bounds) {
    llvm::hash_code hash = llvm::hash_value(end - begin);
    for (const Step &step : ArrayRef(steps).slice(begin, end + 1 - begin))
      hash = llvm::hash_combine(
          hash, step.op->getName().getAsOpaquePointer(),
          llvm::hash_combine_range(step.op->getResultTypes()));
    isRepeated |= !seen.insert(size_t(hash)).second;
    begin = end + 1;
  }
  if (!isRepeated)
    ends.clear();
}

ModelParts PartFinder::find() {
  collectSteps();
  findLinks();
  cut();
  keepSitesTogether();
  needAlikeParts();
  for (int64_t end : ends) {
    parts.ends.push_back(steps[end].op);
    parts.links.push_back(steps[end].link);
  }
  return std::move(parts);
}

ModelParts qnt::findModelParts(func::FuncOp function) {
  return PartFinder(function).find();
}

func::FuncOp qnt::findSampleEntry(ModuleOp module) {
  for (StringRef name :
       {StringRef(isLanguageModel(module) ? "score" : "forward"),
        StringRef("main")})
    if (auto entry = module.lookupSymbol<func::FuncOp>(name))
      if (entry.isPublic() && !entry.isDeclaration())
        return entry;
  return {};
}

bool qnt::isLanguageModel(ModuleOp module) {
  auto model = module->getAttrOfType<DictionaryAttr>("qnt.model");
  auto kind = model ? model.getAs<StringAttr>("kind") : StringAttr();
  return kind && kind.getValue() == "causal_lm";
}
