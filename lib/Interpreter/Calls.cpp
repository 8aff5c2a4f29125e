//===- Calls.cpp - function calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static LogicalResult evaluate(func::CallOp op, Frame &frame) {
  auto arguments = llvm::map_to_vector(
      op.getOperands(), [&](Value operand) { return frame.get(operand); });
  auto results = frame.call(op.getCallee(), arguments);
  if (failed(results))
    return failure();
  for (auto [value, datum] : llvm::zip_equal(op.getResults(), *results))
    frame.set(value, std::move(datum));
  return success();
}

void interp::registerCalls(Registry &registry) {
  registry.add<func::CallOp>(evaluate);
}
