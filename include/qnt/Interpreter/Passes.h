//===- Passes.h - passes of the interpreter -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_INTERPRETER_PASSES_H
#define QNT_INTERPRETER_PASSES_H

#include "mlir/Pass/Pass.h"

namespace qnt::interp {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "qnt/Interpreter/Passes.h.inc"

} // namespace qnt::interp

#endif // QNT_INTERPRETER_PASSES_H
