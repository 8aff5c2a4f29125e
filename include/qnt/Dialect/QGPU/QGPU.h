//===- QGPU.h - the qgpu dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QGPU_QGPU_H
#define QNT_DIALECT_QGPU_QGPU_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qnt/Dialect/QGPU/QGPUDialect.h.inc"
#include "qnt/Dialect/QGPU/QGPUEnums.h.inc"

namespace qnt::qgpu {

inline bool isInteger(Element element) {
  return element == Element::S8 || element == Element::U8;
}
inline int64_t getBits(Element element) {
  if (element == Element::E2M1)
    return 4;
  return element == Element::F16 || element == Element::BF16 ? 16 : 8;
}

} // namespace qnt::qgpu

#define GET_OP_CLASSES
#include "qnt/Dialect/QGPU/QGPUOps.h.inc"

#endif // QNT_DIALECT_QGPU_QGPU_H
