//===- UnitChecks.h - what verifiers of units ask -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QFLOW_UNITCHECKS_H
#define QNT_DIALECTS_QFLOW_UNITCHECKS_H

#include "qnt/Dialect/QFlow/QFlow.h"

namespace qnt::qflow {

/// That elements of all streams are narrow enough for sums of their products to
/// be known.
llvm::LogicalResult checkElements(mlir::Operation *op);

/// That elements of `type` hold `range`, which `what` names.
llvm::LogicalResult checkHolds(mlir::Operation *op, StreamType type,
                               Interval range, const char *what);

/// That `tensor`, which `name` names, is of this shape.
llvm::LogicalResult checkTensor(mlir::Operation *op,
                                mlir::DenseIntElementsAttr tensor,
                                llvm::ArrayRef<int64_t> shape,
                                const char *name);

/// Of its bits, of an exponent and a mantissa; none without them.
std::optional<Minifloat>
readFormat(std::optional<llvm::ArrayRef<int64_t>> bits);

/// That a Minifloat has so many bits, of an exponent and a mantissa.
llvm::LogicalResult checkMinifloat(mlir::Operation *op,
                                   llvm::ArrayRef<int64_t> bits);

} // namespace qnt::qflow

#endif // QNT_DIALECTS_QFLOW_UNITCHECKS_H
