//===- Rotations.cpp - changes of basis, low-rank factors -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/Hadamard.h"
#include "qnt/Dialect/QNT/QNT.h"

using namespace mlir;
using namespace qnt;

LogicalResult HadamardAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t block, uint64_t) {
  if (!getHadamardOrder(block)) // (C1)
    return emitError() << "no Hadamard matrix of order " << block
                       << " is known";
  return success();
}

int64_t RotateOp::getBlock() {
  if (auto hadamard = getHadamardAttr())
    return hadamard.getBlock();
  return getMatrices().getType().getShape().back();
}

LogicalResult RotateOp::verify() {
  RankedTensorType type = getInput().getType();
  if (bool(getMatrices()) == bool(getHadamardAttr())) // (C2)
    return emitOpError("expected either hadamard or matrices");
  if (type.getRank() == 0 ||
      (getOutputs() && (type.getRank() > 2 || !type.hasStaticShape()))) // (C3)
    return emitOpError("expected ")
           << (getOutputs() ? "a static input of rank 1 or 2"
                            : "an input of rank at least 1")
           << ", got " << type;
  int64_t size = type.getDimSize(getDimension());
  if (getMatrices()) {
    RankedTensorType matrices = getMatrices().getType();
    Type element = matrices.getElementType();
    if (matrices.getRank() != 3 || !matrices.hasStaticShape() ||
        matrices.getDimSize(1) != matrices.getDimSize(2) ||
        matrices.getDimSize(1) == 0 || !(element.isF32() || element.isF64()) ||
        matrices.getDimSize(0) * matrices.getDimSize(1) != size) // (C1), (C2)
      return emitOpError("expected f32 or f64 matrices [")
             << size << " / n, n, n], got " << matrices;
  }
  if (ShapedType::isDynamic(size) || size % getBlock() != 0) // (C1)
    return emitOpError("expected a multiple of ")
           << getBlock() << " features, got " << type;
  return success();
}

LogicalResult LowRankOp::verify() {
  auto type = getInput().getType();
  auto left = getLeft().getType(), right = getRight().getType();
  for (RankedTensorType tensor : {type, left, right})
    if (tensor.getRank() != 2 || !tensor.hasStaticShape()) // (C1)
      return emitOpError("expected static tensors of rank 2, got ") << tensor;
  int64_t rank = left.getDimSize(1);
  if (left.getDimSize(0) != type.getDimSize(0) ||
      right.getDimSize(1) != type.getDimSize(1) ||
      right.getDimSize(0) != rank || rank < 1 ||
      rank > std::min(type.getDimSize(0), type.getDimSize(1))) // (C1)
    return emitOpError("expected factors of one rank of ")
           << type << ", got " << left << " and " << right;
  int64_t columns = type.getDimSize(1);
  if (Value moment = getMoment())
    if (cast<RankedTensorType>(moment.getType()).getShape() !=
        ArrayRef<int64_t>{columns, columns}) // (C2)
      return emitOpError("expected a moment of ")
             << columns << " by " << columns << " inputs, got "
             << moment.getType();
  return success();
}
