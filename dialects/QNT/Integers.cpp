//===- Integers.cpp - verifiers of functions of codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogues.h"

using namespace mlir;
using namespace qnt;

/// That codes share one scale and have a last dimension that is known.
static LogicalResult verifyCodes(Operation *op, QTensorType type) {
  if (isPerTensorInteger(type) &&
      !ShapedType::isDynamic(type.getShape().back()))
    return success();
  return op->emitOpError("expected integer codes per_tensor without offsets, "
                         "whose last dimension is static, got ")
         << type;
}

static LogicalResult verifyShape(Operation *op, Type type,
                                 ArrayRef<int64_t> expected) {
  if (getShapeOf(type) == expected)
    return success();
  return op->emitOpError("expected a shape of [")
         << describeShape(expected) << "], got " << type;
}

/// The steps on integers whose scale no weight gives.
static LogicalResult verifySteps(EpilogueOp op, Type input) {
  ArrayRef<Attribute> steps = op.getEpilogue().getValue();
  auto last = steps.empty() ? EpilogueKind::Bias
                            : cast<EpilogueKindAttr>(steps.back()).getValue();
  if (last != EpilogueKind::Requantize && last != EpilogueKind::Rescale)
    return op->emitOpError("expected epilogue steps of integers that end in "
                           "requantize or rescale");
  return verifyEpilogue(op, input, {});
}

LogicalResult NormalizeOp::verify() {
  QTensorType type = getInput().getType();
  if (failed(verifyCodes(*this, type)) ||
      failed(
          verifyShape(*this, getResult().getType(), type.getShape()))) // (C1)
    return failure();
  constexpr int64_t most = int64_t(1) << 48;
  if (int64_t(getStabilizer()) < 0 || int64_t(getStabilizer()) > most) // (C2)
    return emitOpError("expected a stabilizer from 0 to 2^48, got ")
           << int64_t(getStabilizer());
  unsigned bits = type.getFormat().getBits() + type.hasZeros();
  if (type.getShape().back() > most >> (2 * bits))
    return emitOpError("has sums of squares beyond 2^48, of ") << type;
  return verifySteps(*this, type); // (C3)
}

LogicalResult qnt::RopeOp::verify() {
  QTensorType type = getInput().getType();
  if (failed(verifyCodes(*this, type)) ||
      failed(verifyShape(*this, getResult().getType(), type.getShape())))
    return failure();
  auto heads = int64_t(getHeads()), features = type.getShape().back();
  if (heads < 1 || features % heads || features / heads % 2) // (C1)
    return emitOpError("expected heads of an even number of features, got ")
           << heads << " heads of " << type;
  SmallVector<int64_t> table(type.getShape());
  table.back() = features / heads;
  if (failed(verifyShape(*this, getTable().getType(), table))) // (C2)
    return failure();
  return verifySteps(*this, type); // (C3)
}

LogicalResult qnt::AttentionOp::verify() {
  QTensorType query = getQuery().getType(), key = getKey().getType();
  for (QTensorType type : {query, key, getValue().getType()}) {
    if (failed(verifyCodes(*this, type)))
      return failure();
    if (type.getRank() < 2 || type.hasZeros() ||
        type.getFormat().getBits() > 8) // (C2)
      return emitOpError(
                 "expected rows of codes of at most 8 bits without zero "
                 "points, got ")
             << type;
  }
  auto heads = int64_t(getHeads()), kvHeads = int64_t(getKvHeads());
  int64_t features = query.getShape().back();
  if (kvHeads < 1 || heads < 1 || heads % kvHeads || features % heads) // (C3)
    return emitOpError("expected kv_heads that divide heads, and heads that "
                       "divide the features, got ")
           << heads << " heads and " << kvHeads << " of keys for " << query;
  SmallVector<int64_t> rows(query.getShape());
  rows.back() = features / heads * kvHeads;
  if (failed(verifyShape(*this, key, rows)) ||
      failed(verifyShape(*this, getValue().getType(), rows)) ||
      failed(verifyShape(*this, getResult().getType(),
                         query.getShape()))) // (C1)
    return failure();
  auto multiplier = int64_t(getMultiplier()), shift = int64_t(getShift());
  if (multiplier < 1 || multiplier > 65535 || shift < 1 || shift > 62) // (C4)
    return emitOpError("expected a multiplier from 1 to 65535 and a shift from "
                       "1 to 62, got ")
           << multiplier << " and " << shift;
  return verifySteps(*this, query); // (C5)
}

LogicalResult MultiplyOp::verify() {
  QTensorType lhs = getLhs().getType(), rhs = getRhs().getType();
  if (failed(verifyCodes(*this, lhs)) || failed(verifyCodes(*this, rhs)) ||
      failed(verifyShape(*this, rhs, lhs.getShape())) ||
      failed(verifyShape(*this, getResult().getType(), lhs.getShape()))) // (C1)
    return failure();
  return verifySteps(*this, lhs); // (C2)
}

LogicalResult qnt::LookupOp::verify() {
  QTensorType from = getInput().getType(), to = getResult().getType();
  if (failed(verifyShape(*this, to, from.getShape())))
    return failure();
  unsigned bits = from.getFormat().getBits();
  if (!isPerTensorInteger(from) || !isPerTensorInteger(to) || bits > 8) // (C1)
    return emitOpError(
               "expected integer codes per_tensor without offsets, of at "
               "most 8 bits as input, got ")
           << from << " and " << to;
  DenseIntElementsAttr table = getTable();
  if (failed(verifyShape(*this, table.getType(), {int64_t(1) << bits}))) // (C2)
    return failure();
  NumberFormat format = to.getFormat();
  for (const APInt &entry : table.getValues<APInt>()) {
    auto number = float(entry.getSExtValue());
    if (number != format.decode(format.encode(number)))
      return emitOpError("expected entries that are numbers of ")
             << format.getName() << ", got " << entry.getSExtValue();
  }
  if (bool(getZero()) != to.hasZeros()) // (C3)
    return emitOpError("expected a zero operand exactly when the result has "
                       "zero points");
  return success();
}
