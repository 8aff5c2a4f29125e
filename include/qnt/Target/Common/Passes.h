//===- Passes.h - passes that targets share -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_COMMON_PASSES_H
#define QNT_TARGET_COMMON_PASSES_H

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Pass/Pass.h"

namespace qnt::target {
#define GEN_PASS_DECL
#include "qnt/Target/Common/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "qnt/Target/Common/Passes.h.inc"
} // namespace qnt::target

#endif // QNT_TARGET_COMMON_PASSES_H
