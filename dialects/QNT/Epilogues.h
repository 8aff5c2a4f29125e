//===- Epilogues.h - what verifiers of EpilogueOps share --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_EPILOGUES_H
#define QNT_DIALECTS_QNT_EPILOGUES_H

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt {

/// Of a quantised tensor, or a ranked one.
llvm::ArrayRef<int64_t> getShapeOf(mlir::Type type);

/// A shape as types write it: ?, 8, 8, 4.
std::string describeShape(llvm::ArrayRef<int64_t> shape);

/// Integer codes that share one scale, without offsets.
bool isPerTensorInteger(QTensorType type);

/// (E1) to (E3) of EpilogueOp. `weight` is null for an op without one.
mlir::LogicalResult verifyEpilogue(EpilogueOp op, mlir::Type input,
                                   QTensorType weight);

} // namespace qnt

#endif // QNT_DIALECTS_QNT_EPILOGUES_H
