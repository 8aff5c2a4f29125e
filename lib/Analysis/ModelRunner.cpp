//===- ModelRunner.cpp - a way to run a model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ModelRunner.h"

#include "qnt/Dialect/QNT/QNT.h"

#include "llvm/ADT/StringSet.h"

using namespace qnt;

RunObserver::~RunObserver() = default;

ModelRunner::~ModelRunner() = default;

BlockSites qnt::collectObservedSites(mlir::Operation *op) {
  BlockSites sites;
  llvm::StringSet<> seen;
  op->walk([&](ObserveOp observe) {
    auto type = mlir::cast<mlir::RankedTensorType>(observe.getType());
    if (seen.insert(observe.getSite()).second)
      sites.push_back({observe.getSite().str(),
                       type.getRank() ? type.getShape().back() : 1});
  });
  return sites;
}
