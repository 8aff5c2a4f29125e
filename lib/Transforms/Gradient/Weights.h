//===- Weights.h - what gradients are with respect to -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_GRADIENT_WEIGHTS_H
#define QNT_LIB_TRANSFORMS_GRADIENT_WEIGHTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qnt {

/// A parameter expression of a function (docs/ir.md) that is differentiated.
struct GradientWeight {
  /// All uses are of this one value.
  mlir::Value value;
  /// The parameter that it is named after; numbered where a name repeats.
  std::string name;
};

/// Those that are the weight of an nn.linear or nn.conv or, with `patterns`,
/// those in whose name, or that of a layer that takes them, one of the regular
/// expressions is found; in the order of their first use. Moves parameter
/// expressions to the front of `function` and joins equal ones. Emits an error
/// where a pattern finds nothing, or something that is not f32.
llvm::FailureOr<llvm::SmallVector<GradientWeight>>
chooseGradientWeights(mlir::func::FuncOp function,
                      llvm::ArrayRef<std::string> patterns);

/// Has what is not a linear layer or a convolution that takes them as its
/// weight take values of their own.
void keepLayersOnly(llvm::MutableArrayRef<GradientWeight> weights);

/// Makes arguments, after those of `function`, of the weights: linear layers
/// and convolutions that take one become products of matrices. Emits an error
/// where the shapes of a convolution do not say which.
llvm::LogicalResult
makeArguments(mlir::func::FuncOp function,
              llvm::MutableArrayRef<GradientWeight> weights);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_GRADIENT_WEIGHTS_H
