//===- Rope.cpp - rotary position embedding -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static LogicalResult evaluate(nn::RopeTableOp op, Frame &frame) {
  const Tensor &positions = frame.tensor(op.getPositions());
  auto scaling = op.getScalingAttr();
  auto frequencies = nn::getRopeFrequencies(
      op.getDim(), op.getTheta().convertToDouble(), scaling);
  double factor = scaling && scaling.getKind() == nn::RopeScalingKind::Yarn
                      ? scaling.getAttention().convertToDouble()
                      : 1.0;
  std::vector<double> result;
  for (int64_t position : positions.toInts()) {
    for (double frequency : frequencies)
      result.push_back(factor * std::cos(double(position) * frequency));
    for (double frequency : frequencies)
      result.push_back(factor * std::sin(double(position) * frequency));
  }
  frame.setFloats(
      op, {positions.getDim(0), positions.getDim(1), int64_t(op.getDim())},
      result);
  return success();
}

static LogicalResult evaluate(nn::RopeOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  const Tensor &table = frame.tensor(op.getTable());
  if (input.getShape().drop_back() != table.getShape().drop_back())
    return op.emitOpError("expected a table for [")
           << input.getShape().drop_back() << "] tokens, got ["
           << table.getShape().drop_back() << "]";
  int64_t heads = op.getHeads(), size = input.getDim(2) / heads;
  int64_t rotated = table.getDim(2), half = rotated / 2;
  std::vector<double> result = input.toDoubles();
  for (int64_t i = 0, rows = input.getDim(0) * input.getDim(1) * heads;
       i < rows; ++i) {
    double *head = result.data() + i * size;
    for (int64_t j = 0; j < half; ++j) {
      double cosine = table.getFloat(i / heads * rotated + j);
      double sine = table.getFloat(i / heads * rotated + half + j);
      double &a = head[op.getInterleaved() ? 2 * j : j];
      double &b = head[op.getInterleaved() ? 2 * j + 1 : j + half];
      double turned = a * cosine - b * sine;
      b = b * cosine + a * sine;
      a = turned;
    }
  }
  SmallVector<int64_t> shape(input.getShape());
  frame.setFloats(op, shape, result);
  return success();
}

void interp::registerRope(Registry &registry) {
  registry.add<nn::RopeTableOp>(evaluate);
  registry.add<nn::RopeOp>(evaluate);
}
