//===- Layouts.h - gives operands of contractions a layout -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_LAYOUTS_H
#define QNT_LIB_TARGET_COMMON_LAYOUTS_H

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::target {

/// Puts a qnt.pack to `layout` on a weight that has none yet.
void packWeight(mlir::OpOperand &weight, mlir::Attribute layout);

/// What `quantize` takes, quantised to `type`: one op for all who want that.
mlir::Value share(QuantizeOp quantize, QTensorType type);

/// Has `op` take its codes as `type`, of another layout. Fails with an error
/// where they come from another function.
mlir::LogicalResult layOutInput(LinearOp op, QTensorType type);

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_LAYOUTS_H
