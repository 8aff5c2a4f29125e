//===- OpRecord.h - what a manifest says of an operation -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_OPRECORD_H
#define QNT_LIB_TARGET_COMMON_OPRECORD_H

#include "Symbols.h"

#include "mlir/IR/Operation.h"
#include "llvm/Support/JSON.h"

namespace qnt::target {

/// The module path of an op: the innermost name of its location.
std::string getPath(mlir::Operation &op);

/// The entry of `ops` in the manifest (docs/abi.md) of an op that `kernel`
/// computes ("" for none): `macs` multiply-accumulates for a row of its result,
/// `bytes` of parameters. Those of an attention are found here.
llvm::json::Object describeOp(mlir::Operation &op,
                              const FunctionSymbols &symbols,
                              llvm::StringRef kernel, int64_t macs,
                              int64_t bytes);

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_OPRECORD_H
