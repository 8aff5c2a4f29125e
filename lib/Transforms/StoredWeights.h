//===- StoredWeights.h - weights that a model brings quantised --*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_STOREDWEIGHTS_H
#define QNT_LIB_TRANSFORMS_STOREDWEIGHTS_H

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// Writes `qnt.linear` (on float inputs, with at most a bias as epilogue) and
/// `qnt.embedding` of parameters that the store holds quantised as `nn` ops on
/// their `qnt.dequantize`, so that one pass decides on them and on float
/// weights alike.
void openStoredWeights(mlir::ModuleOp module);

/// The quantised parameter behind a float weight that openStoredWeights made;
/// null for others.
mlir::Value getStoredWeight(mlir::Value weight);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_STOREDWEIGHTS_H
