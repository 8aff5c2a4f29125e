//===- QCheck.h - the qcheck dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QCHECK_QCHECK_H
#define QNT_DIALECT_QCHECK_QCHECK_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"

#include "qnt/Dialect/QCheck/QCheckDialect.h.inc"

#define GET_OP_CLASSES
#include "qnt/Dialect/QCheck/QCheckOps.h.inc"

#endif // QNT_DIALECT_QCHECK_QCHECK_H
