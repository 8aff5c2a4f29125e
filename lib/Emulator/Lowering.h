//===- Lowering.h - kernels to code of this host -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_EMULATOR_LOWERING_H
#define QNT_LIB_EMULATOR_LOWERING_H

#include "Instructions.h"

#include "mlir/IR/BuiltinOps.h"

#include <deque>

namespace qnt::emu {

/// What code of a kernel points at while it runs.
struct Sites {
  std::deque<Site> instructions;
  /// What accesses to memory are called in errors.
  std::deque<std::string> accesses;
};

/// Names of the functions that the code calls, which the loader defines:
/// void execute(Lane *, Site *, operands, result), and
/// void access(Lane *, pointer, i64 bytes, i1 isWrite, const char *what).
constexpr llvm::StringLiteral kExecute = "qnt_emu_execute";
constexpr llvm::StringLiteral kAccess = "qnt_emu_access";

/// A module with `kernel` as the function void @kernel(Lane *, args *), each of
/// the args in a word, in arith, scf, vector, math and llvm. Null after an
/// error at an op.
mlir::OwningOpRef<mlir::ModuleOp> lowerKernel(mlir::gpu::GPUFuncOp kernel,
                                              Sites &sites);

} // namespace qnt::emu

#endif // QNT_LIB_EMULATOR_LOWERING_H
