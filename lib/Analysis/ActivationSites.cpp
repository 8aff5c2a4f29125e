//===- ActivationSites.cpp - where activations are quantised -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ActivationSites.h"

#include "qnt/Analysis/ImageSites.h"
#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace qnt;

static Value skipObserve(Value value) {
  while (auto observe = value.getDefiningOp<ObserveOp>())
    value = observe.getInput();
  return value;
}

SmallVector<ActivationSite> qnt::collectActivationSites(ModuleOp module,
                                                        bool integers) {
  llvm::MapVector<Value, ActivationSite> sites;
  SmallVector<ActivationSite> result;
  module.walk([&](func::FuncOp function) {
    if (hasConvolutions(function)) {
      llvm::append_range(result, collectImageSites(function));
      return;
    }
    if (integers) {
      llvm::append_range(result, collectBlockSites(function));
      return;
    }
    function.walk([&](nn::LinearOp linear) {
      if (!isParamExpression(linear.getWeight()) ||
          isParamExpression(linear.getInput()))
        return;
      Value value = skipObserve(linear.getInput());
      ActivationSite &site = sites[value];
      site.values = {value};
      site.layers.push_back(linear);
    });
  });
  unsigned unnamed = 0;
  for (auto &[value, site] : sites) {
    StringRef path = getLocationName(site.layers.front()->getLoc());
    site.name =
        path.empty() ? "linear." + std::to_string(unnamed++) : path.str();
    result.push_back(std::move(site));
  }
  return result;
}

SmallVector<KeySite> qnt::collectKeySites(ModuleOp module) {
  SmallVector<KeySite> sites;
  module.walk([&](nn::AttentionOp op) {
    if (!op.getCache())
      return;
    std::string path = getLocationName(op->getLoc()).str();
    if (path.empty())
      path = "attention." + std::to_string(sites.size());
    sites.push_back({path + ".keys", op});
  });
  return sites;
}

/// Adds the linear layers that `value` is the result of.
static void trace(Value value, ModuleOp module,
                  llvm::SmallSetVector<Operation *, 4> &heads) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return;
  if (isa<nn::LinearOp>(op)) {
    heads.insert(op);
  } else if (isa<nn::SelectRowsOp, ObserveOp, tensor::CastOp, tensor::ReshapeOp,
                 tensor::ExpandShapeOp, tensor::CollapseShapeOp,
                 tensor::ExtractSliceOp>(op)) {
    trace(op->getOperand(0), module, heads);
  } else if (auto call = dyn_cast<func::CallOp>(op)) {
    auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
    unsigned index = cast<OpResult>(value).getResultNumber();
    if (callee)
      for (auto ret : callee.getOps<func::ReturnOp>())
        trace(ret.getOperand(index), module, heads);
  }
}

SmallVector<nn::LinearOp> qnt::collectHeads(ModuleOp module) {
  llvm::SmallSetVector<Operation *, 4> heads;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic())
      for (auto ret : function.getOps<func::ReturnOp>())
        for (Value operand : ret.getOperands())
          trace(operand, module, heads);
  return llvm::map_to_vector(
      heads, [](Operation *op) { return cast<nn::LinearOp>(op); });
}
