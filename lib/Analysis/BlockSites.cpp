//===- BlockSites.cpp - codes within blocks of transformers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ActivationSites.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;

static Value skipObserve(Value value) {
  while (auto observe = value.getDefiningOp<ObserveOp>())
    value = observe.getInput();
  return value;
}

/// Whether `value` is a linear layer's result for `user` alone, so that it is
/// the sums that a step of the layer's epilogue takes.
static bool isSumFor(Value value, Operation *user) {
  auto linear = value.getDefiningOp<nn::LinearOp>();
  return linear && isParamExpression(linear.getWeight()) &&
         llvm::all_of(value.getUsers(), [&](Operation *other) {
           return other == user || isa<ObserveOp>(other);
         });
}

namespace {
class BlockSiteCollector {
public:
  void addLayer(nn::LinearOp linear);
  void request(Value value, unsigned bits);
  /// Of what the sites' values are computed from.
  void requestSources();
  SmallVector<ActivationSite> finish(StringRef function);

private:
  void requestOperands(Operation *op);
  void requestAddends(nn::AddOp op);

  /// In the order in which they were met.
  llvm::MapVector<Value, ActivationSite> sites;
};
} // namespace

void BlockSiteCollector::addLayer(nn::LinearOp linear) {
  Value value = skipObserve(linear.getInput());
  sites[value].values = {value};
  sites[value].layers.push_back(linear);
}

void BlockSiteCollector::request(Value value, unsigned bits) {
  value = skipObserve(value);
  if (isParamExpression(value))
    return;
  ActivationSite &site = sites[value];
  site.values = {value};
  if (site.layers.empty())
    site.bits = std::max(site.bits, bits);
}

void BlockSiteCollector::requestAddends(nn::AddOp op) {
  if (op.getLhs().getType() != op.getRhs().getType())
    return;
  Value lhs = skipObserve(op.getLhs()), rhs = skipObserve(op.getRhs());
  bool isLeft = lhs != rhs && isSumFor(lhs, op);
  bool isRight = lhs != rhs && isSumFor(rhs, op);
  // Of two layers, the later one adds the other's codes.
  if (isLeft && isRight)
    isLeft = !lhs.getDefiningOp()->isBeforeInBlock(rhs.getDefiningOp());
  if (!isLeft)
    request(lhs, 16);
  if (isLeft || !isRight)
    request(rhs, 16);
}

void BlockSiteCollector::requestOperands(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<nn::RMSNormOp, nn::RopeOp>(
          [&](auto op) { request(op.getInput(), 16); })
      .Case([&](nn::AttentionOp op) {
        for (Value operand : {op.getQuery(), op.getKey(), op.getValue()})
          request(operand, 8);
      })
      .Case([&](nn::MulOp op) {
        if (op.getLhs().getType() != op.getRhs().getType())
          return;
        for (Value factor : {op.getLhs(), op.getRhs()})
          request(factor, skipObserve(factor).getDefiningOp<nn::ActivationOp>()
                              ? 16
                              : 8);
      })
      .Case([&](nn::ActivationOp op) {
        bool isRelu = op.getKind() == nn::ActivationKind::Relu;
        if (!isRelu || !isSumFor(skipObserve(op.getInput()), op))
          request(op.getInput(), 8);
      })
      .Case([&](nn::AddOp op) { requestAddends(op); });
}

void BlockSiteCollector::requestSources() {
  // Requests add to the end.
  for (size_t at = 0; at < sites.size(); ++at)
    if (Operation *op = std::next(sites.begin(), at)->first.getDefiningOp())
      requestOperands(op);
}

SmallVector<ActivationSite> BlockSiteCollector::finish(StringRef function) {
  SmallVector<ActivationSite> result;
  llvm::StringSet<> taken;
  for (auto &[value, site] : sites) {
    bool isArgument = isa<BlockArgument>(value);
    Location loc =
        site.layers.empty() ? value.getLoc() : site.layers.front()->getLoc();
    std::string base = getLocationName(loc).str();
    if (base.empty())
      base = function.str() + (site.layers.empty() ? ".value" : ".linear");
    if (site.layers.empty())
      base += isArgument ? ".input" : ".output";
    site.name = base;
    for (unsigned n = 2; !taken.insert(site.name).second; ++n)
      site.name = base + "." + std::to_string(n);
    result.push_back(std::move(site));
  }
  return result;
}

SmallVector<ActivationSite> qnt::collectBlockSites(func::FuncOp function) {
  BlockSiteCollector collector;
  function.walk([&](nn::LinearOp linear) {
    if (isParamExpression(linear.getWeight()) &&
        !isParamExpression(linear.getInput()))
      collector.addLayer(linear);
  });
  collector.requestSources();
  if (function.isPrivate())
    function.walk([&](func::ReturnOp op) {
      for (Value value : op.getOperands())
        if (auto sum = skipObserve(value).getDefiningOp<nn::AddOp>();
            sum && llvm::any_of(sum->getOperands(), [&](Value operand) {
              return isSumFor(skipObserve(operand), sum);
            }))
          collector.request(sum, 16);
    });
  collector.requestSources();
  return collector.finish(function.getName());
}
