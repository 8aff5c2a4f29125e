//===- ModelParts.h - where a model can be cut -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_MODELPARTS_H
#define QNT_ANALYSIS_MODELPARTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

namespace qnt {

/// A function, one block of straight code without calls, as parts that run one
/// after the other.
struct ModelParts {
  /// Results of layers and all that follows from them. Other values
  /// (parameters, and what arguments and constants alone give) any part can
  /// compute itself.
  llvm::DenseSet<mlir::Value> activations;
  /// The last op of each part but the last. What follows takes one activation
  /// of what comes before: `links` has it, f32 with static features.
  llvm::SmallVector<mlir::Operation *> ends;
  llvm::SmallVector<mlir::Value> links;
};

/// Cuts behind every stretch of code that holds a matrix of parameters and at
/// whose end one activation alone is used later. There are no cuts before the
/// last convolution, none between two qnt.observe of one site, and none at all
/// where no two parts are alike. Results of the function count as unused.
ModelParts findModelParts(mlir::func::FuncOp function);

/// Visits the operands of `op`, and what its regions take from outside.
void forEachOperand(mlir::Operation *op,
                    llvm::function_ref<void(mlir::Value)> visit);

/// The entry point that samples run through: `score` of causal language models,
/// `forward` of others, else `main`; null without any.
mlir::func::FuncOp findSampleEntry(mlir::ModuleOp module);

/// Whether qnt.model says that the model is a causal language model.
bool isLanguageModel(mlir::ModuleOp module);

} // namespace qnt

#endif // QNT_ANALYSIS_MODELPARTS_H
