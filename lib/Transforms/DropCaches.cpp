//===- DropCaches.cpp - language models of whole sequences -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/NN/NN.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace qnt {
#define GEN_PASS_DEF_NNDROPCACHES
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
class DropCachesPass : public qnt::impl::NNDropCachesBase<DropCachesPass> {
public:
  using NNDropCachesBase::NNDropCachesBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run();
  void detach();
  void spread();
  LogicalResult checkUses();
  void erase();
  func::FuncOp getCallee(func::CallOp call) {
    return getOperation().lookupSymbol<func::FuncOp>(call.getCallee());
  }

  /// The arguments that go.
  llvm::SetVector<BlockArgument> dropped;
};
} // namespace

/// No attention reads a cache, and positions count from 0.
void DropCachesPass::detach() {
  auto drop = [&](Value value) {
    if (auto argument = dyn_cast_or_null<BlockArgument>(value))
      dropped.insert(argument);
  };
  getOperation().walk([&](nn::AttentionOp op) {
    if (!op.getCache())
      return;
    drop(op.getCache());
    drop(op.getStart());
    op.getCacheMutable().clear();
    op.getStartMutable().clear();
    op.removeLayerAttr();
    op.setCausal(true);
  });
  getOperation().walk([&](nn::PositionIdsOp op) {
    drop(op.getStart());
    op.getStartMutable().clear();
  });
}

/// What calls pass on.
void DropCachesPass::spread() {
  bool changed = true;
  while (changed) {
    size_t before = dropped.size();
    getOperation().walk([&](func::CallOp call) {
      func::FuncOp callee = getCallee(call);
      if (!callee || callee.isExternal())
        return;
      for (auto [given, argument] :
           llvm::zip(call.getOperands(), callee.getArguments())) {
        auto own = dyn_cast<BlockArgument>(given);
        if (own && dropped.contains(argument))
          dropped.insert(own);
        if (own && dropped.contains(own))
          dropped.insert(argument);
      }
    });
    changed = dropped.size() != before;
  }
}

LogicalResult DropCachesPass::checkUses() {
  for (BlockArgument argument : dropped)
    for (OpOperand &use : argument.getUses()) {
      auto call = dyn_cast<func::CallOp>(use.getOwner());
      func::FuncOp callee = call ? getCallee(call) : func::FuncOp();
      if (!callee || callee.isExternal() ||
          !dropped.contains(callee.getArgument(use.getOperandNumber())))
        return use.getOwner()->emitOpError(
                   "nn-drop-caches: takes a cache or a position, expected "
                   "attention and nn.position_ids alone, got ")
               << argument.getType();
    }
  return success();
}

void DropCachesPass::erase() {
  auto select = [&](func::FuncOp function) {
    llvm::BitVector selected(function.getNumArguments());
    for (BlockArgument argument : function.getArguments())
      if (dropped.contains(argument))
        selected.set(argument.getArgNumber());
    return selected;
  };
  getOperation().walk([&](func::CallOp call) {
    func::FuncOp callee = getCallee(call);
    if (callee && !callee.isExternal())
      call->eraseOperands(select(callee));
  });
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (!function.isExternal())
      (void)function.eraseArguments(select(function));
}

LogicalResult DropCachesPass::run() {
  dropped.clear();
  for (auto function : getOperation().getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (isa<nn::KVCacheType>(type)) {
        detach();
        spread();
        if (failed(checkUses()))
          return failure();
        erase();
        return success();
      }
  return success();
}
