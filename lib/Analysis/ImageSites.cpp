//===- ImageSites.cpp - where codes flow through images -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ImageSites.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace qnt;

//===----------------------------------------------------------------------===//
// What ops do to numbers
//===----------------------------------------------------------------------===//

bool qnt::movesNumbers(Operation *op) {
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value number = pad.getConstantPaddingValue();
    return number && matchPattern(number, m_AnyZeroFloat());
  }
  if (auto pool = dyn_cast<nn::PoolOp>(op)) {
    // A window beyond the image would have no code.
    auto windows = nn::Windows::of(pool, pool.getKernel());
    return pool.getKind() == nn::PoolKind::Max &&
           llvm::all_of(ArrayRef<unsigned>{0, 1}, [&](unsigned axis) {
             return windows.getPadBefore(axis) < windows.getExtent(axis) &&
                    windows.getPadAfter(axis) < windows.getExtent(axis);
           });
  }
  return isa<tensor::ExtractSliceOp, tensor::ConcatOp, tensor::CastOp,
             tensor::ReshapeOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp,
             linalg::TransposeOp>(op);
}

//===----------------------------------------------------------------------===//
// Sites
//===----------------------------------------------------------------------===//

static Value skipObserve(Value value) {
  while (auto observe = value.getDefiningOp<ObserveOp>())
    value = observe.getInput();
  return value;
}

/// The input of a layer with a parameter as weight; null for other ops.
static Value getLayerInput(Operation *op) {
  Value input, weight;
  if (auto linear = dyn_cast_or_null<nn::LinearOp>(op)) {
    input = linear.getInput();
    weight = linear.getWeight();
  } else if (auto conv = dyn_cast_or_null<nn::ConvOp>(op)) {
    input = conv.getInput();
    weight = conv.getWeight();
  }
  return input && isParamExpression(weight) && !isParamExpression(input)
             ? input
             : Value();
}

namespace {
class SiteCollector {
public:
  void request(Value value, Operation *layer);
  SmallVector<ActivationSite> finish();

private:
  SmallVector<Value> trace(Value value);
  void requestAddend(Value value);

  /// In the order in which they were met.
  llvm::MapVector<Value, SmallVector<Operation *>> origins;
  llvm::EquivalenceClasses<const void *> joined;
};
} // namespace

/// The values whose numbers `value` holds.
SmallVector<Value> SiteCollector::trace(Value value) {
  value = skipObserve(value);
  Operation *op = value.getDefiningOp();
  if (!op || !movesNumbers(op))
    return {value};
  SmallVector<Value> result;
  auto concat = dyn_cast<tensor::ConcatOp>(op);
  ValueRange sources =
      concat ? concat.getInputs() : op->getOperands().take_front();
  for (Value source : sources)
    result.append(trace(source));
  bool isArgument = isa<BlockArgument>(result.front());
  return isArgument && !concat ? SmallVector<Value>{value} : result;
}

void SiteCollector::request(Value value, Operation *layer) {
  SmallVector<Value> found = trace(value);
  for (Value origin : found) {
    const void *key = origin.getAsOpaquePointer();
    joined.insert(key);
    joined.unionSets(found.front().getAsOpaquePointer(), key);
    bool isNew = !origins.count(origin);
    SmallVector<Operation *> &layers = origins[origin];
    if (layer)
      layers.push_back(layer);
    if (isNew)
      requestAddend(origin);
  }
}

/// Where `value` is a sum, perhaps through an activation, its operands need
/// codes too, but for a layer's sums of products.
void SiteCollector::requestAddend(Value value) {
  while (isa_and_present<nn::ActivationOp, nn::ClampOp>(value.getDefiningOp()))
    value = skipObserve(value.getDefiningOp()->getOperand(0));
  auto add = value.getDefiningOp<nn::AddOp>();
  if (!add || add.getLhs().getType() != add.getRhs().getType())
    return;
  Value lhs = skipObserve(add.getLhs()), rhs = skipObserve(add.getRhs());
  auto isSum = [&](Value operand) {
    return lhs != rhs && getLayerInput(operand.getDefiningOp()) &&
           llvm::all_of(operand.getUsers(), [&](Operation *user) {
             return user == add || isa<ObserveOp>(user);
           });
  };
  // Of two layers, the later one adds the other's codes.
  bool isLeft = isSum(lhs), isRight = isSum(rhs);
  if (isLeft && isRight)
    isLeft = !lhs.getDefiningOp()->isBeforeInBlock(rhs.getDefiningOp());
  if (!isLeft)
    request(lhs, nullptr);
  if (isLeft || !isRight)
    request(rhs, nullptr);
}

SmallVector<ActivationSite> SiteCollector::finish() {
  llvm::MapVector<const void *, ActivationSite> sites;
  for (auto &[origin, layers] : origins) {
    ActivationSite &site =
        sites[joined.getLeaderValue(origin.getAsOpaquePointer())];
    site.values.push_back(origin);
    for (Operation *layer : layers)
      if (!llvm::is_contained(site.layers, layer))
        site.layers.push_back(layer);
  }
  SmallVector<ActivationSite> result;
  llvm::StringSet<> taken;
  for (auto &[leader, site] : sites) {
    std::string base;
    if (!site.layers.empty()) {
      Operation *first = site.layers.front();
      for (Operation *layer : site.layers)
        if (layer->isBeforeInBlock(first))
          first = layer;
      base = getLocationName(first->getLoc());
      if (base.empty())
        base = first->getName().stripDialect();
    } else {
      base = getLocationName(site.values.front().getLoc());
      base = (base.empty() ? "value" : base) + ".output";
    }
    site.name = base;
    for (unsigned n = 2; !taken.insert(site.name).second; ++n)
      site.name = base + "." + std::to_string(n);
    result.push_back(std::move(site));
  }
  return result;
}

SmallVector<ActivationSite> qnt::collectImageSites(func::FuncOp function) {
  SiteCollector collector;
  function.walk([&](Operation *op) {
    if (Value input = getLayerInput(op))
      collector.request(input, op);
    else if (auto pool = dyn_cast<nn::PoolOp>(op);
             pool && pool.getKind() == nn::PoolKind::Average)
      collector.request(pool.getInput(), nullptr);
  });
  return collector.finish();
}

bool qnt::hasConvolutions(func::FuncOp function) {
  return function
      .walk([](nn::ConvOp conv) {
        return getLayerInput(conv) ? WalkResult::interrupt()
                                   : WalkResult::advance();
      })
      .wasInterrupted();
}
