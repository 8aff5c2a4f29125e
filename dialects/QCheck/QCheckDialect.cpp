//===- QCheckDialect.cpp - the qcheck dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QCheck/QCheck.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qnt::qcheck;

#include "qnt/Dialect/QCheck/QCheckDialect.cpp.inc"

#define GET_OP_CLASSES
#include "qnt/Dialect/QCheck/QCheckOps.cpp.inc"

void QCheckDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "qnt/Dialect/QCheck/QCheckOps.cpp.inc"
      >();
}

LogicalResult ExpectCloseOp::verify() {
  if (!isa<FloatType>(getActual().getType().getElementType())) // (C1)
    return emitOpError("expected float tensors, got ") << getActual().getType();
  if (!(getAtol().convertToDouble() >= 0) ||
      !(getRtol().convertToDouble() >= 0)) // (C2)
    return emitOpError("expected tolerances of at least 0");
  return success();
}
