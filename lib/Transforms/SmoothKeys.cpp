//===- SmoothKeys.cpp - channels of cached keys -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SmoothKeys.h"

#include "qnt/Analysis/ParamExpressions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace qnt;

/// Channels below this part of their head's largest are scaled like it: what
/// calibration saw of them is no bound.
static constexpr float leastPart = 1.0f / 256;

/// The embedding that makes queries or keys, and nothing else uses.
static nn::RopeOp getRope(Value value) {
  auto rope = value.getDefiningOp<nn::RopeOp>();
  return rope && rope->hasOneUse() ? rope : nn::RopeOp();
}

/// Gives the features of a head that `rope` mixes one number, the larger.
static void sharePairs(MutableArrayRef<float> head, nn::RopeOp rope) {
  int64_t rotary = rope.getTable().getType().getShape().back();
  for (int64_t i = 0; i < rotary / 2; ++i) {
    bool isInterleaved = rope.getInterleaved();
    float &a = head[isInterleaved ? 2 * i : i];
    float &b = head[isInterleaved ? 2 * i + 1 : i + rotary / 2];
    a = b = std::max(a, b);
  }
}

/// Scales of the features of a head, of geometric mean 1.
static void normalize(MutableArrayRef<float> head) {
  float most = *llvm::max_element(head);
  if (!(most > 0)) {
    llvm::fill(head, 1.0f);
    return;
  }
  double logs = 0;
  for (float &number : head) {
    number = std::max(number, most * leastPart);
    logs += std::log(double(number));
  }
  double mean = std::exp(logs / double(head.size()));
  for (float &number : head)
    number = float(number / mean);
}

static void multiply(OpOperand &operand, ArrayRef<float> factors,
                     StringRef name) {
  Operation *op = operand.getOwner();
  OpBuilder builder(op);
  auto loc =
      NameLoc::get(builder.getStringAttr(getLocationName(op->getLoc()) + name));
  auto type =
      RankedTensorType::get(int64_t(factors.size()), builder.getF32Type());
  Value constant = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, factors));
  operand.set(nn::MulOp::create(builder, loc, operand.get().getType(),
                                operand.get(), constant));
}

bool qnt::smoothKeys(nn::AttentionOp attention, ArrayRef<float> largest) {
  auto size = size_t(attention.getHeadDim());
  int64_t share = attention.getHeads() / attention.getKvHeads();
  nn::RopeOp keys = getRope(attention.getKey());
  nn::RopeOp queries = getRope(attention.getQuery());
  bool isBefore = keys && queries &&
                  keys.getInterleaved() == queries.getInterleaved() &&
                  keys.getTable().getType() == queries.getTable().getType();
  SmallVector<float> scales(largest), inverses, queryScales;
  for (size_t first = 0; first < scales.size(); first += size) {
    auto head = MutableArrayRef(scales).slice(first, size);
    if (isBefore)
      sharePairs(head, keys);
    normalize(head);
    for (float scale : head)
      inverses.push_back(1 / scale);
    for (int64_t i = 0; i < share; ++i)
      llvm::append_range(queryScales, head);
  }
  multiply(isBefore ? keys.getInputMutable() : attention.getKeyMutable(),
           inverses, ".scale_keys");
  multiply(isBefore ? queries.getInputMutable() : attention.getQueryMutable(),
           queryScales, ".scale_queries");
  return isBefore;
}
