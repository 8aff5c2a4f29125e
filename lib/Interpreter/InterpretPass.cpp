//===- InterpretPass.cpp - qnt-interpret -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qnt/Interpreter/Interpreter.h"
#include "qnt/Interpreter/Passes.h"
namespace qnt::interp {
#define GEN_PASS_DEF_INTERPRETPASS
#include "qnt/Interpreter/Passes.h.inc"
} // namespace qnt::interp
using namespace mlir;
using namespace qnt;
using namespace qnt::interp;
namespace {
struct InterpretPass : interp::impl::InterpretPassBase<InterpretPass> {
  using InterpretPassBase::InterpretPassBase;
  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(interpret(getOperation())))
      signalPassFailure();
  }
  LogicalResult interpret(ModuleOp module) {
    if (cacheBatch < 1 || cachePositions < 1)
      return module.emitError("expected a cache of at least one sequence and "
                              "position, got ")
             << cacheBatch << " and " << cachePositions;
    auto params = openParams(module);
    if (failed(params))
      return failure();
    Interpreter interpreter(module, *params);
    bool any = false;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isDeclaration() ||
          !llvm::all_of(function.getArgumentTypes(),
                        llvm::IsaPred<nn::KVCacheType>) ||
          (!entry.empty() && function.getName() != entry))
        continue;
      any = true;
      SmallVector<Datum> caches;
      for (Type type : function.getArgumentTypes())
        caches.push_back(KVCache::create(cast<nn::KVCacheType>(type),
                                         cacheBatch, cachePositions));
      if (failed(interpreter.run(function.getName(), caches)))
        return failure();
    }
    if (any)
      return success();
    if (entry.empty())
      return module.emitError("expected a function without arguments");
    return module.emitError("expected a function '")
           << entry << "' without arguments";
  }
};
} // namespace
