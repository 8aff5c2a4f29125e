//===- QFlow.h - the qflow dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QFLOW_QFLOW_H
#define QNT_DIALECT_QFLOW_QFLOW_H

#include "qnt/Dialect/QFlow/Interval.h"
#include "qnt/Dialect/QFlow/Minifloat.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qnt/Dialect/QFlow/QFlowDialect.h.inc"
#include "qnt/Dialect/QFlow/QFlowEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "qnt/Dialect/QFlow/QFlowTypes.h.inc"

#define GET_OP_CLASSES
#include "qnt/Dialect/QFlow/QFlowOps.h.inc"

namespace qnt::qflow {

/// The most bits of an integer in C++ for Vitis HLS: what AP_INT_MAX_W may be
/// (UG1399, C++ arbitrary precision integer types).
inline constexpr int64_t maxWordBits = 4096;

/// Of a signless integer, or of a vector of such.
int64_t countBits(mlir::Type word);

} // namespace qnt::qflow

#endif // QNT_DIALECT_QFLOW_QFLOW_H
