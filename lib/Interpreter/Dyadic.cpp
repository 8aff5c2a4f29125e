//===- Dyadic.cpp - numbers of integer arithmetic -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/Dyadic.h"

#include "Registry.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

/// compute(n) for every n, which must have a value.
static LogicalResult
setIntegers(Operation *op, Frame &frame, int64_t count,
            function_ref<std::optional<int32_t>(int64_t)> compute) {
  std::vector<int64_t> result;
  for (int64_t n = 0; n < count; ++n) {
    std::optional<int32_t> number = compute(n);
    if (!number)
      return op->emitOpError("has a number beyond 32 bits at index ") << n;
    result.push_back(*number);
  }
  frame.set(op->getResult(0),
            Tensor::ofInts(ElementKind::I32, {count}, result));
  return success();
}

static LogicalResult evaluate(ScalesOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  frame.set(op, Tensor::ofFloats(input.type.getScaleShape(), input.scales));
  return success();
}

static LogicalResult evaluate(QuantizeBiasOp op, Frame &frame) {
  const Tensor &bias = frame.tensor(op.getBias());
  const Tensor &scale = frame.tensor(op.getScale());
  return setIntegers(op, frame, bias.size(), [&](int64_t n) {
    return roundToInt32(bias.getFloat(n) / scale.getFloat(n));
  });
}

static LogicalResult evaluate(DequantizeBiasOp op, Frame &frame) {
  std::vector<int64_t> codes = frame.tensor(op.getCodes()).toInts();
  float input = frame.tensor(op.getScale()).getFloat(0);
  ArrayRef<float> scales = frame.quantized(op.getWeight()).scales;
  std::vector<float> result;
  for (auto [n, code] : llvm::enumerate(codes)) {
    float unit = input * scales[scales.size() == 1 ? 0 : n];
    result.push_back(float(code) * unit);
  }
  frame.set(op, Tensor::ofFloats({int64_t(codes.size())}, result));
  return success();
}

static LogicalResult evaluate(DyadicShiftOp op, Frame &frame) {
  const Tensor &numerator = frame.tensor(op.getNumerator());
  double denominator = frame.tensor(op.getDenominator()).getFloat(0);
  double addend = op.getAddend() ? frame.tensor(op.getAddend()).getFloat(0) : 0;
  return setIntegers(op, frame, numerator.size(), [&](int64_t n) {
    double ratio = std::fabs(numerator.getFloat(n) / denominator);
    return chooseDyadicShift(std::max(ratio, std::fabs(addend / denominator)));
  });
}

static LogicalResult evaluate(DyadicOp op, Frame &frame) {
  const Tensor &numerator = frame.tensor(op.getNumerator());
  const Tensor &shift = frame.tensor(op.getShift());
  double denominator = frame.tensor(op.getDenominator()).getFloat(0);
  return setIntegers(op, frame, shift.size(), [&](int64_t n) {
    double ratio =
        numerator.getFloat(numerator.getRank() ? n : 0) / denominator;
    return getDyadicMultiplier(ratio, int32_t(shift.getInt(n)));
  });
}

void interp::registerDyadic(Registry &registry) {
  registry.add<ScalesOp>(evaluate);
  registry.add<QuantizeBiasOp>(evaluate);
  registry.add<DequantizeBiasOp>(evaluate);
  registry.add<DyadicShiftOp>(evaluate);
  registry.add<DyadicOp>(evaluate);
}
