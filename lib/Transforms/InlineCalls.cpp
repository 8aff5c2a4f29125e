//===- InlineCalls.cpp - functions in one piece -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "InlineCalls.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace qnt;

/// Puts the callee's ops in the place of a call.
static LogicalResult inlineCall(func::CallOp call) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  if (!callee || !callee.getBody().hasOneBlock())
    return call.emitOpError("of '")
           << call.getCallee()
           << "': expected a function that is one block of code";
  IRMapping mapping;
  mapping.map(callee.getArguments(), call.getOperands());
  OpBuilder builder(call);
  for (Operation &op : callee.front().without_terminator())
    builder.clone(op, mapping);
  for (auto [result, value] : llvm::zip_equal(
           call.getResults(), callee.front().getTerminator()->getOperands()))
    result.replaceAllUsesWith(mapping.lookupOrDefault(value));
  call.erase();
  return success();
}

LogicalResult qnt::inlineCalls(func::FuncOp entry) {
  if (!entry.getBody().hasOneBlock())
    return entry.emitError("entry point '")
           << entry.getName() << "': expected one block of code";
  for (;;) {
    SmallVector<func::CallOp> calls(entry.getOps<func::CallOp>());
    if (calls.empty())
      return success();
    for (func::CallOp call : calls)
      if (failed(inlineCall(call)))
        return failure();
  }
}
