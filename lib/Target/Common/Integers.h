//===- Integers.h - integer arithmetic that never traps ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of scalars and vectors. x / 0 and x % 0 are 0, the least integer divided by
// -1 is itself (docs/interpreter.md); constant divisors cost nothing extra.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_INTEGERS_H
#define QNT_LIB_TARGET_COMMON_INTEGERS_H

#include "CodeBuilder.h"

namespace qnt::target {

mlir::Value emitDivide(CodeBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitRemainder(CodeBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitFloorDivide(CodeBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitCeilDivide(CodeBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitDivideU(CodeBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitRemainderU(CodeBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitCeilDivideU(CodeBuilder &k, mlir::Value x, mlir::Value y);

enum class Shift { Left, RightU, RightS };
/// By `bits` or more: 0, or the sign.
mlir::Value emitShift(CodeBuilder &k, Shift kind, mlir::Value x, mlir::Value y);

/// x to the power y: 0 for fractions.
mlir::Value emitIntegerPower(CodeBuilder &k, mlir::Value x, mlir::Value y);

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_INTEGERS_H
