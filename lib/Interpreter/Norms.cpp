//===- Norms.cpp - normalisation -*- C++ -*-===//
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

/// Applies `normalize` to consecutive slices of `width` elements.
static void forSlices(Operation *op, Frame &frame, const Tensor &input,
                      int64_t width,
                      function_ref<void(MutableArrayRef<double>)> normalize) {
  std::vector<double> values = input.toDoubles();
  for (int64_t first = 0, end = values.size(); first < end; first += width)
    normalize(MutableArrayRef<double>(values).slice(first, width));
  SmallVector<int64_t> shape(input.getShape());
  frame.setFloats(op->getResult(0), shape, values);
}

static double sumOfSquares(ArrayRef<double> slice) {
  double sum = 0;
  for (double x : slice)
    sum += x * x;
  return sum;
}

static LogicalResult evaluate(nn::RMSNormOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  std::vector<double> scale = frame.tensor(op.getScale()).toDoubles();
  double eps = op.getEps().convertToDouble();
  forSlices(op, frame, input, scale.size(), [&](MutableArrayRef<double> x) {
    double root = std::sqrt(sumOfSquares(x) / double(x.size()) + eps);
    for (auto [value, gamma] : llvm::zip_equal(x, scale))
      value = value / root * gamma;
  });
  return success();
}

static LogicalResult evaluate(nn::LayerNormOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  std::vector<double> scale = frame.tensor(op.getScale()).toDoubles();
  std::vector<double> shift = frame.tensor(op.getShift()).toDoubles();
  double eps = op.getEps().convertToDouble();
  forSlices(op, frame, input, scale.size(), [&](MutableArrayRef<double> x) {
    double mean = 0;
    for (double value : x)
      mean += value;
    mean /= double(x.size());
    for (double &value : x)
      value -= mean;
    double root = std::sqrt(sumOfSquares(x) / double(x.size()) + eps);
    for (auto [value, gamma, beta] : llvm::zip_equal(x, scale, shift))
      value = value / root * gamma + beta;
  });
  return success();
}

static LogicalResult evaluate(nn::SoftmaxOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  int64_t width = input.getDim(input.getRank() - 1);
  if (width == 0) {
    frame.set(op, input);
    return success();
  }
  forSlices(op, frame, input, width, [](MutableArrayRef<double> x) {
    double most = x[0], sum = 0;
    for (double value : x)
      most = value > most || std::isnan(value) ? value : most;
    for (double &value : x)
      sum += value = std::exp(value - most);
    for (double &value : x)
      value /= sum;
  });
  return success();
}

static LogicalResult evaluate(nn::L2NormalizeOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  forSlices(op, frame, input, input.getShape().back(),
            [&](MutableArrayRef<double> x) {
              double length = std::max(std::sqrt(sumOfSquares(x)), 1e-12);
              for (double &value : x)
                value /= length;
            });
  return success();
}

void interp::registerNorms(Registry &registry) {
  registry.add<nn::RMSNormOp>(evaluate);
  registry.add<nn::LayerNormOp>(evaluate);
  registry.add<nn::L2NormalizeOp>(evaluate);
  registry.add<nn::SoftmaxOp>(evaluate);
}
