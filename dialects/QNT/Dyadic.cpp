//===- Dyadic.cpp - ratios of scales as integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/Dyadic.h"

#include "qnt/Dialect/QNT/QNT.h"

#include <cmath>

using namespace mlir;
using namespace qnt;

std::optional<int32_t> qnt::roundToInt32(double value) {
  double rounded = std::nearbyint(value);
  if (!(rounded >= INT32_MIN && rounded <= INT32_MAX))
    return std::nullopt;
  return int32_t(rounded);
}

std::optional<int32_t> qnt::getDyadicMultiplier(double ratio, int32_t shift) {
  return roundToInt32(std::ldexp(ratio, shift));
}

std::optional<int32_t> qnt::chooseDyadicShift(double ratio) {
  for (int32_t shift = 62; shift >= 1; --shift)
    if (getDyadicMultiplier(std::fabs(ratio), shift))
      return shift;
  return std::nullopt;
}

LogicalResult ScalesOp::verify() {
  QTensorType type = getInput().getType();
  if (!type.hasScale() ||
      getType().getShape() != ArrayRef<int64_t>(type.getScaleShape())) // (C1)
    return emitOpError("expected the shape of the scales of ")
           << type << ", got " << getType();
  return success();
}

/// (C1) of all three.
static LogicalResult verifyShape(Operation *op, RankedTensorType type,
                                 RankedTensorType like) {
  if (like.getRank() != 1 || type.getShape() != like.getShape())
    return op->emitOpError("expected numbers of one shape [N], got ")
           << type << " and " << like;
  return success();
}

LogicalResult QuantizeBiasOp::verify() {
  if (failed(verifyShape(*this, getBias().getType(), getType())))
    return failure();
  return verifyShape(*this, getScale().getType(), getType());
}

LogicalResult DequantizeBiasOp::verify() {
  QTensorType weight = getWeight().getType();
  if (failed(verifyShape(*this, getCodes().getType(), getType()))) // (C1)
    return failure();
  if (weight.getRank() == 0 || weight.getShape()[0] != getType().getDimSize(0))
    return emitOpError("expected a number for each feature of ")
           << weight << ", got " << getType();
  BlockKind block = weight.getBlock().getKind();
  if (block != BlockKind::PerChannel && block != BlockKind::PerTensor) // (C2)
    return emitOpError("expected a weight per_channel or per_tensor, got ")
           << weight;
  return success();
}

LogicalResult DyadicShiftOp::verify() {
  return verifyShape(*this, getNumerator().getType(), getType());
}

LogicalResult DyadicOp::verify() {
  RankedTensorType type = getNumerator().getType();
  return verifyShape(*this, type.getRank() == 0 ? getType() : type, getType());
}
