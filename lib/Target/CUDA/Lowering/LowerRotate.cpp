//===- LowerRotate.cpp - changes of basis to launches -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "qnt/Dialect/QNT/Hadamard.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;
using target::CodeBuilder;

RotationSpec qnt::cuda::getRotationSpec(RotateOp op) {
  HadamardAttr hadamard = op.getHadamardAttr();
  return {op.getType().getShape().back(), op.getBlock(),
          hadamard && hadamard.getSeed(), op.getTransposed(), !hadamard};
}

LogicalResult FunctionLowering::checkRotation(RotateOp op) {
  if (!op)
    return success();
  bool ofFloats = op.getType().getElementType().isF32() &&
                  (!op.getMatrices() ||
                   op.getMatrices().getType().getElementType().isF32());
  if (!ofFloats || op.getOutputs())
    return op.emitOpError("is lowered of the features of f32 rows, by f32 "
                          "matrices, got ")
           << op.getType();
  std::string reason =
      cuda::checkRotation(getRotationSpec(op), module.lib.chip);
  if (!reason.empty())
    return op.emitOpError("has no kernel in the CUDA target: ") << reason;
  return success();
}

void FunctionLowering::appendRotation(CodeBuilder &k, RotateOp op,
                                      SmallVectorImpl<Value> &args) {
  HadamardAttr hadamard = op.getHadamardAttr();
  if (!hadamard) {
    args.push_back(pointer(op.getMatrices()));
    return;
  }
  if (uint64_t seed = hadamard.getSeed()) {
    SmallVector<float> signs;
    for (int8_t sign :
         getHadamardSigns(seed, 0, op.getType().getShape().back()))
      signs.push_back(sign);
    args.push_back(getConstant(k, getBytes(ArrayRef(signs))));
  }
  int64_t dense = getHadamardOrder(op.getBlock())->dense;
  if (dense == 1)
    return;
  SmallVector<int8_t> h = getDenseHadamard(dense);
  SmallVector<float> entries;
  for (int64_t i = 0; i < dense; ++i)
    for (int64_t j = 0; j < dense; ++j)
      entries.push_back(op.getTransposed() ? h[j * dense + i]
                                           : h[i * dense + j]);
  args.push_back(getConstant(k, getBytes(ArrayRef(entries))));
}

LogicalResult FunctionLowering::emitRotate(CodeBuilder &k, RotateOp op) {
  if (failed(checkRotation(op)))
    return failure();
  SmallVector<Value> args{pointer(op.getInput()), pointer(op.getResult()),
                          rowsOf(k, op.getInput())};
  appendRotation(k, op, args);
  return run(k, *op, getRotateKernel(module.lib, getRotationSpec(op)), args);
}
