//===- Elementwise.cpp - sums, products, activations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

#include "qnt/Dialect/NN/Activations.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static LogicalResult evaluate(nn::ActivationOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  std::vector<double> result = input.toDoubles();
  for (double &x : result)
    x = nn::activate(op.getKind(), x);
  SmallVector<int64_t> shape(input.getShape());
  frame.setFloats(op, shape, result);
  return success();
}

static LogicalResult evaluate(nn::ClampOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  double low = op.getLow().convertToDouble();
  double high = op.getHigh().convertToDouble();
  std::vector<double> result = input.toDoubles();
  for (double &x : result)
    x = x < low ? low : x > high ? high : x;
  SmallVector<int64_t> shape(input.getShape());
  frame.setFloats(op, shape, result);
  return success();
}

static LogicalResult evaluate(nn::ScaleRowsOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  const Tensor &scale = frame.tensor(op.getScale());
  if (scale.size() != input.getDim(0))
    return op.emitOpError("expected ")
           << input.getDim(0) << " numbers, got " << scale.size();
  std::vector<double> result = input.toDoubles();
  int64_t length = input.size() / std::max<int64_t>(1, input.getDim(0));
  for (auto [i, x] : llvm::enumerate(result))
    x *= scale.getFloat(int64_t(i) / length);
  frame.setFloats(op, input.getShape(), result);
  return success();
}

template <typename OpTy>
static LogicalResult broadcast(OpTy op, Frame &frame,
                               function_ref<double(double, double)> compute) {
  const Tensor &lhs = frame.tensor(op.getLhs());
  const Tensor &rhs = frame.tensor(op.getRhs());
  if (lhs.getShape().take_back(rhs.getRank()) != rhs.getShape())
    return op.emitOpError("expected the shape [")
           << rhs.getShape() << "] to be a suffix of [" << lhs.getShape()
           << "]";
  std::vector<double> result = lhs.toDoubles();
  int64_t period = rhs.size();
  for (auto [i, x] : llvm::enumerate(result))
    x = compute(x, rhs.getFloat(int64_t(i) % period));
  SmallVector<int64_t> shape(lhs.getShape());
  frame.setFloats(op, shape, result);
  return success();
}

static LogicalResult evaluate(nn::AddOp op, Frame &frame) {
  return broadcast(op, frame, [](double x, double y) { return x + y; });
}

static LogicalResult evaluate(nn::MulOp op, Frame &frame) {
  return broadcast(op, frame, [](double x, double y) { return x * y; });
}

void interp::registerElementwise(Registry &registry) {
  registry.add<nn::ScaleRowsOp>(evaluate);
  registry.add<nn::ActivationOp>(evaluate);
  registry.add<nn::ClampOp>(evaluate);
  registry.add<nn::AddOp>(evaluate);
  registry.add<nn::MulOp>(evaluate);
}
