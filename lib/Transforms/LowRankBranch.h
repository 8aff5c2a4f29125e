//===- LowRankBranch.h - what weights lost, in 16 bits -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_LOWRANKBRANCH_H
#define QNT_LIB_TRANSFORMS_LOWRANKBRANCH_H

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

namespace qnt {

/// The input of `layer` times a matrix of rank `rank` that is nearest to its
/// weight less the decoded `codes` (LoRC of ZeroQuant-V2, Yao et al. 2023): two
/// layers with factors in bf16. `moment`, [K, K] or null, is the second moment
/// of the input that the error is weighed by. Emits an error that names the
/// layer where it has fewer than `rank` inputs or outputs.
mlir::FailureOr<mlir::Value>
createLowRankBranch(mlir::OpBuilder &builder, nn::LinearOp layer,
                    mlir::Value codes, mlir::Value moment, int64_t rank);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_LOWRANKBRANCH_H
