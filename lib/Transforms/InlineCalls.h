//===- InlineCalls.h - functions in one piece -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_INLINECALLS_H
#define QNT_LIB_TRANSFORMS_INLINECALLS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qnt {

/// Puts what `entry` calls in the place of the calls. Emits an error where it,
/// or a function called, is not one block of code.
llvm::LogicalResult inlineCalls(mlir::func::FuncOp entry);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_INLINECALLS_H
