//===- ActivationSites.h - where activations are quantised -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_ACTIVATIONSITES_H
#define QNT_ANALYSIS_ACTIVATIONSITES_H

#include "qnt/Dialect/NN/NN.h"

#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// A value that linear layers take as input.
struct ActivationSite {
  /// The module path of the first layer that takes it, or "linear.N" where it
  /// has none. Calibration and quantisation meet by this name; a layer that
  /// several entry points hold, such as the head, has one name and so one range
  /// in all of them.
  std::string name;
  mlir::Value value;
  /// Those whose weight is a parameter expression, at least one.
  llvm::SmallVector<nn::LinearOp> linears;
};

/// The sites of a module in the order of their first layers. A value seen
/// through `qnt.observe` counts as the observed one.
llvm::SmallVector<ActivationSite> collectActivationSites(mlir::ModuleOp module);

/// The linear layers whose result an entry point returns, directly or through
/// calls, casts and choices of rows.
llvm::SmallVector<nn::LinearOp> collectHeads(mlir::ModuleOp module);

} // namespace qnt

#endif // QNT_ANALYSIS_ACTIVATIONSITES_H
