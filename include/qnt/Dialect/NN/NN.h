//===- NN.h - the nn dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_NN_NN_H
#define QNT_DIALECT_NN_NN_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qnt/Dialect/NN/NNDialect.h.inc"
#include "qnt/Dialect/NN/NNEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "qnt/Dialect/NN/NNAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "qnt/Dialect/NN/NNTypes.h.inc"

#define GET_OP_CLASSES
#include "qnt/Dialect/NN/NNOps.h.inc"

namespace qnt::nn {
/// Rotary frequencies in radians per position, dim / 2 of them, with `scaling`
/// (may be null) applied.
llvm::SmallVector<double> getRopeFrequencies(int64_t dim, double theta,
                                             RopeScalingAttr scaling);
} // namespace qnt::nn

#endif // QNT_DIALECT_NN_NN_H
