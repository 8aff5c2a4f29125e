//===- InputStatistics.h - what the inputs of weights are like -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Parameters that depend on what calibration saw. All emit an error that names
// the weight and what to run where the module has no statistics. `site` is what
// they go by, `groups` those of the weight's rows that take inputs of their
// own.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_INPUTSTATISTICS_H
#define QNT_LIB_TRANSFORMS_INPUTSTATISTICS_H

#include "mlir/IR/Builders.h"

namespace qnt {

/// The second moment of the inputs of `weight`, [K, K], or of more groups than
/// one [groups, K, K].
mlir::FailureOr<mlir::Value> loadMoment(mlir::OpBuilder &builder,
                                        mlir::Value weight,
                                        llvm::StringRef site, int64_t groups);

/// `bias`, or zeros where it is null, with what `codes` of `weight` take from
/// the means of outputs.
mlir::FailureOr<mlir::Value>
createCorrectedBias(mlir::OpBuilder &builder, mlir::Value bias,
                    mlir::Value weight, mlir::Value codes, int64_t groups,
                    llvm::StringRef site);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_INPUTSTATISTICS_H
