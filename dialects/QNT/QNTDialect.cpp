//===- QNTDialect.cpp - registration of qnt -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;

#include "qnt/Dialect/QNT/QNTDialect.cpp.inc"
#include "qnt/Dialect/QNT/QNTEnums.cpp.inc"

void QNTDialect::initialize() {
  registerAttributes();
  registerFormats();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "qnt/Dialect/QNT/QNTOps.cpp.inc"
      >();
}

Operation *QNTDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                           Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
