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
#ifndef QNT_LIB_TARGET_CPU_KERNELS_INTEGERS_H
#define QNT_LIB_TARGET_CPU_KERNELS_INTEGERS_H

#include "../KernelBuilder.h"

namespace qnt::cpu {

mlir::Value emitDivide(KernelBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitRemainder(KernelBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitFloorDivide(KernelBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitCeilDivide(KernelBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitDivideU(KernelBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitRemainderU(KernelBuilder &k, mlir::Value x, mlir::Value y);
mlir::Value emitCeilDivideU(KernelBuilder &k, mlir::Value x, mlir::Value y);

enum class Shift { Left, RightU, RightS };
/// By `bits` or more: 0, or the sign.
mlir::Value emitShift(KernelBuilder &k, Shift kind, mlir::Value x,
                      mlir::Value y);

/// x to the power y: 0 for fractions.
mlir::Value emitIntegerPower(KernelBuilder &k, mlir::Value x, mlir::Value y);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_INTEGERS_H
