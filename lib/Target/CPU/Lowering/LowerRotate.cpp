//===- LowerRotate.cpp - changes of basis to kernel calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

static bool isLowered(RotateOp op) {
  return op.getType().getElementType().isF32() && !op.getOutputs() &&
         (!op.getMatrices() ||
          op.getMatrices().getType().getElementType().isF32());
}

FusedRows qnt::cpu::getFusedRows(Operation *op) {
  // What a thread's stack holds beside its other needs.
  constexpr int64_t mostFeatures = 1 << 15;
  FusedRows fused;
  auto quantize = dyn_cast<QuantizeOp>(op);
  if (!quantize || !isa_and_present<RowsAttr>(quantize.getType().getLayout()))
    return fused;
  auto input = cast<TypedValue<RankedTensorType>>(quantize.getInput());
  int64_t features = input.getType().getShape().back();
  if (features > mostFeatures)
    return fused;
  Value x = input;
  auto rotate = x.getDefiningOp<RotateOp>();
  if (rotate && rotate->hasOneUse() && isLowered(rotate)) {
    fused.rotate = rotate;
    fused.input = x = rotate.getInput();
  }
  auto norm = x.getDefiningOp<nn::RMSNormOp>();
  if (norm && norm->hasOneUse() && norm.getGroups() == 1 &&
      (!fused.rotate || 2 * features <= mostFeatures) &&
      norm.getType().getElementType().isF32()) {
    fused.norm = norm;
    fused.input = norm.getInput();
  }
  return fused;
}

LogicalResult FunctionLowering::emitRotate(KernelBuilder &k, RotateOp op) {
  if (!isLowered(op))
    return op.emitOpError("is lowered of the features of f32 rows, by f32 "
                          "matrices, got ")
           << op.getType();
  Kernel kernel = getRotateKernel(module.lib, RotationShape::of(op));
  k.call(kernel,
         {context, pointer(op.getInput()), pointerOrNull(k, op.getMatrices()),
          pointer(op.getResult()), rowsOf(k, op.getInput())});
  record(k, *op, kernel, pointer(op.getResult()));
  return success();
}

LogicalResult FunctionLowering::emitSelect(KernelBuilder &k,
                                           nn::SelectFeaturesOp op) {
  RankedTensorType type = op.getInput().getType();
  int64_t features = type.getShape().back();
  auto constant = op.getIndices().getDefiningOp<arith::ConstantOp>();
  auto indices =
      constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : nullptr;
  if (!type.getElementType().isF32() || ShapedType::isDynamic(features) ||
      !indices)
    return op.emitOpError("is lowered of a known number of f32 features and "
                          "constant indices, got ")
           << type;
  for (const APInt &index : indices.getValues<APInt>())
    if (index.isNegative() || index.sge(features))
      return op.emitOpError("expected indices from 0 to ")
             << features - 1 << ", got " << index.getSExtValue();
  Kernel kernel = getSelectFeaturesKernel(module.lib, features,
                                          op.getType().getShape().back());
  k.call(kernel, {context, pointer(op.getInput()), pointer(op.getIndices()),
                  pointer(op.getResult()), rowsOf(k, op.getInput())});
  record(k, *op, kernel, pointer(op.getResult()));
  return success();
}
