//===- QGPUDialect.cpp - the qgpu dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QGPU/QGPU.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt::qgpu;

#include "qnt/Dialect/QGPU/QGPUDialect.cpp.inc"
#include "qnt/Dialect/QGPU/QGPUEnums.cpp.inc"

#define GET_OP_CLASSES
#include "qnt/Dialect/QGPU/QGPUOps.cpp.inc"

void QGPUDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "qnt/Dialect/QGPU/QGPUOps.cpp.inc"
      >();
}

/// PTX ISA, "Matrix shape" of wgmma.
static bool isShape(int64_t n, bool ofIntegers) {
  if (n < 8 || n > 256 || n % 8)
    return false;
  return !ofIntegers || n <= 32 || n % 16 == 0;
}

static bool isByteFloat(Element x) {
  return x == Element::E4M3 || x == Element::E5M2;
}

static bool canMultiply(Element a, Element b) {
  return (a == b && getBits(a) == 16) || (isInteger(a) && isInteger(b)) ||
         (isByteFloat(a) && isByteFloat(b));
}

LogicalResult MmaOp::verify() {
  if (!isByteFloat(getElementA()) || !isByteFloat(getElementB())) // (C1)
    return emitOpError("does not multiply ")
           << stringifyElement(getElementA()) << " by "
           << stringifyElement(getElementB());
  if (getA().size() != 4 || getB().size() != 2 || getC().size() != 4 ||
      getD().size() != 4) // (C2)
    return emitOpError("expected 4 words, 2 words and 4 numbers");
  return success();
}

LogicalResult WgmmaOp::verify() {
  auto n = int64_t(getN());
  bool ofIntegers = isInteger(getElementA());
  if (!isShape(n, ofIntegers)) // (C1)
    return emitOpError("has no shape of n = ") << n;
  if (!canMultiply(getElementA(), getElementB())) // (C2)
    return emitOpError("does not multiply ")
           << stringifyElement(getElementA()) << " by "
           << stringifyElement(getElementB());
  if (getA().size() != 4 || int64_t(getD().size()) != n / 2 ||
      (!getC().empty() && int64_t(getC().size()) != n / 2)) // (C3)
    return emitOpError("expected 4 words and ") << n / 2 << " numbers";
  auto isNumber = [&](Type type) { return type.isInteger(32) == ofIntegers; };
  if (!llvm::all_of(getD().getTypes(), isNumber) ||
      !llvm::all_of(getC().getTypes(), isNumber)) // (C3)
    return emitOpError("expected numbers of ") << (ofIntegers ? "i32" : "f32");
  for (OpOperand &use : getOperation()->getUses()) { // (C4)
    auto product = dyn_cast<WgmmaOp>(use.getOwner());
    bool isSum = product && use.getOperandNumber() > 4;
    if ((!isSum && !isa<WgmmaWaitOp>(use.getOwner())) ||
        use.getOwner()->getBlock() != (*this)->getBlock())
      return emitOpError("has sums that are used before a wait");
  }
  return success();
}

LogicalResult WgmmaWaitOp::verify() {
  if (getSums().getTypes() != getResults().getTypes()) // (C1)
    return emitOpError("expected to give the types that it takes");
  return success();
}

LogicalResult TensorLoadOp::verify() {
  size_t count = getValues().size();
  if (!llvm::isPowerOf2_64(count) || count > 128 ||
      !llvm::all_equal(getValues().getTypes())) // (C1)
    return emitOpError("expected a power of two of numbers of one type, up to "
                       "128");
  return success();
}
