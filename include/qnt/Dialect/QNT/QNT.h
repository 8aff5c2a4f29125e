//===- QNT.h - the qnt dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_QNT_H
#define QNT_DIALECT_QNT_QNT_H

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/NN/Windows.h"
#include "qnt/Dialect/QNT/Formats.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qnt/Dialect/QNT/QNTDialect.h.inc"
#include "qnt/Dialect/QNT/QNTEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "qnt/Dialect/QNT/QNTAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "qnt/Dialect/QNT/QNTTypes.h.inc"

namespace qnt {
/// Whether an epilogue computes on exact integers (see EpilogueOp).
bool isIntegerEpilogue(mlir::ArrayAttr steps);

/// Operands of an epilogue step, in the order of EpilogueOp's tables. `result`
/// is the type of the op's result, which `quantize` and `requantize` look at.
unsigned getNumOperands(EpilogueKind kind, mlir::Type result);
} // namespace qnt

#include "qnt/Dialect/QNT/QNTOpInterfaces.h.inc"

#define GET_OP_CLASSES
#include "qnt/Dialect/QNT/QNTOps.h.inc"

#endif // QNT_DIALECT_QNT_QNT_H
