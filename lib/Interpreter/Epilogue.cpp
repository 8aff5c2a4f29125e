//===- Epilogue.cpp - what follows a contraction -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"

#include "qnt/Dialect/NN/Activations.h"
#include "qnt/Dialect/QNT/BlockQuantizer.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

FailureOr<QuantizedTensor>
interp::makeQuantized(Operation *op, QTensorType type, ArrayRef<int64_t> shape,
                      const Tensor &scale, const Tensor *zero) {
  QuantizedTensor result;
  result.type = type.withLayout({}).withShape(shape);
  SmallVector<int64_t> expected = result.type.getScaleShape();
  if (scale.getShape() != ArrayRef(expected) ||
      (zero && zero->getShape() != ArrayRef(expected)))
    return op->emitOpError("expected scales of shape [")
           << ArrayRef(expected) << "], got [" << scale.getShape() << "]";
  for (float value : scale.toFloats())
    result.scales.push_back(roundScale(value, result.type.getScaleType()));
  if (zero)
    result.zeros = zero->toFloats();
  result.codes.resize(countElements(shape));
  return result;
}

namespace {
/// Hands out the operands of an op's steps in order.
class Operands {
public:
  Operands(EpilogueOp op, Frame &frame)
      : op(op), frame(frame), next(op.getExtra().begin()) {}

  const Tensor &tensor() { return frame.tensor(*next++); }
  const Datum &datum() { return frame.get(*next++); }
  /// The result that the last step encodes to; its codes are 0.
  FailureOr<QuantizedTensor> result(ArrayRef<int64_t> shape) {
    auto type = cast<QTensorType>(op->getResult(0).getType());
    const Tensor &scale = tensor();
    const Tensor *zero = type.hasZeros() ? &tensor() : nullptr;
    return makeQuantized(op, type, shape, scale, zero);
  }

private:
  EpilogueOp op;
  Frame &frame;
  OperandRange::iterator next;
};
} // namespace

static LogicalResult checkShape(EpilogueOp op, ArrayRef<int64_t> got,
                                ArrayRef<int64_t> expected) {
  if (got == expected)
    return success();
  return op->emitOpError("expected an epilogue operand of shape [")
         << expected << "], got [" << got << "]";
}

/// The numbers of an operand of `add`.
static FailureOr<std::vector<double>>
getAddend(EpilogueOp op, const Datum &datum, ArrayRef<int64_t> shape) {
  if (auto *tensor = std::get_if<Tensor>(&datum)) {
    if (failed(checkShape(op, tensor->getShape(), shape)))
      return failure();
    return tensor->toDoubles();
  }
  const auto &quantized = std::get<QuantizedTensor>(datum);
  if (failed(checkShape(op, quantized.type.getShape(), shape)))
    return failure();
  std::vector<float> values = quantized.dequantize();
  return std::vector<double>(values.begin(), values.end());
}

LogicalResult interp::applyEpilogue(EpilogueOp op, Frame &frame,
                                    ArrayRef<int64_t> shape,
                                    std::vector<double> numbers) {
  Operands operands(op, frame);
  int64_t features = shape.back();
  for (Attribute step : op.getEpilogue()) {
    EpilogueKind kind = cast<EpilogueKindAttr>(step).getValue();
    switch (kind) {
    case EpilogueKind::Bias: {
      const Tensor &bias = operands.tensor();
      for (auto [i, value] : llvm::enumerate(numbers))
        value += bias.getFloat(int64_t(i) % features);
      break;
    }
    case EpilogueKind::Add:
    case EpilogueKind::Mul: {
      auto addend = getAddend(op, operands.datum(), shape);
      if (failed(addend))
        return failure();
      for (auto [value, other] : llvm::zip_equal(numbers, *addend))
        value = kind == EpilogueKind::Mul ? value * other : value + other;
      break;
    }
    case EpilogueKind::Clamp: {
      double low = operands.tensor().getFloat(0);
      double high = operands.tensor().getFloat(0);
      for (double &value : numbers)
        value = value < low ? low : value > high ? high : value;
      break;
    }
    case EpilogueKind::Quantize: {
      auto result = operands.result(shape);
      if (failed(result))
        return failure();
      std::vector<float> rounded(numbers.begin(), numbers.end());
      BlockParams params{result->scales[0],
                         result->zeros.empty() ? 0.0f : result->zeros[0]};
      BlockQuantizer(result->type).encode(params, rounded, result->codes);
      frame.set(op->getResult(0), std::move(*result));
      return success();
    }
    default:
      for (double &value : numbers)
        value = nn::activate(
            *nn::symbolizeActivationKind(stringifyEpilogueKind(kind)), value);
    }
  }
  frame.setFloats(op->getResult(0), shape, numbers);
  return success();
}

std::vector<int64_t> interp::getNumbers(const QuantizedTensor &tensor) {
  int64_t zero = tensor.zeros.empty() ? 0 : int64_t(tensor.zeros[0]);
  std::vector<int64_t> result;
  result.reserve(tensor.codes.size());
  for (uint32_t code : tensor.codes)
    result.push_back(int64_t(tensor.type.getFormat().decode(code)) - zero);
  return result;
}

SumScales SumScales::of(const QuantizedTensor &input,
                        const QuantizedTensor &weight) {
  SumScales result;
  for (float scale : weight.scales)
    result.scales.push_back(input.scales[0] * scale);
  if (auto form = getIntegerForm(weight.type.getFormat()))
    result.bits += form->getExcess();
  return result;
}

FailureOr<IntegerForm> interp::getWeightForm(Operation *op, Frame &frame) {
  const QuantizedTensor &weight = frame.quantized(op->getOperand(1));
  auto *input = std::get_if<QuantizedTensor>(&frame.get(op->getOperand(0)));
  auto form = getIntegerForm(weight.type.getFormat());
  if (!input || !input->type.isInteger() || !form)
    return IntegerForm();
  for (uint32_t code : weight.codes)
    if (!std::isfinite(weight.type.getFormat().decode(code)))
      return op->emitOpError("has a weight that is infinite or no number, "
                             "expected finite ones beside codes of integers");
  return *form;
}

static LogicalResult checkSums(EpilogueOp op, ArrayRef<int64_t> sums,
                               const SumScales &scales) {
  for (int64_t sum : sums)
    if (!llvm::isIntN(scales.bits, sum))
      return op->emitOpError("has a sum beyond ") << scales.bits << " bits";
  return success();
}

/// The step `requantize_f32`.
static LogicalResult requantize(EpilogueOp op, Frame &frame,
                                ArrayRef<int64_t> shape, ArrayRef<int64_t> sums,
                                const SumScales &scales, bool relu,
                                Operands &operands) {
  auto result = operands.result(shape);
  if (failed(result) || failed(checkSums(op, sums, scales)))
    return failure();
  NumberFormat format = result->type.getFormat();
  float zero = result->zeros.empty() ? 0 : result->zeros[0];
  float low =
      relu ? std::max(format.getMin() - zero, 0.0f) : format.getMin() - zero;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    float number = float(int32_t(sum)) *
                   scales.getFactor(i % shape.back(), result->scales[0]);
    float code = std::clamp(number, low, format.getMax() - zero);
    result->codes[i] = format.encode(std::nearbyint(code) + zero);
  }
  frame.set(op->getResult(0), std::move(*result));
  return success();
}

LogicalResult interp::applyIntegerEpilogue(EpilogueOp op, Frame &frame,
                                           ArrayRef<int64_t> shape,
                                           ArrayRef<int64_t> sums,
                                           const SumScales &scales) {
  Operands operands(op, frame);
  int64_t features = shape.back();
  std::vector<int64_t> values(sums.begin(), sums.end()), added;
  bool relu = false;
  for (Attribute step : op.getEpilogue()) {
    switch (cast<EpilogueKindAttr>(step).getValue()) {
    case EpilogueKind::IntBias: {
      std::vector<int64_t> bias = operands.tensor().toInts();
      for (auto [i, value] : llvm::enumerate(values))
        value += bias[i % features];
      break;
    }
    case EpilogueKind::IntAdd: {
      const auto &tensor = std::get<QuantizedTensor>(operands.datum());
      if (failed(checkShape(op, tensor.type.getShape(), shape)))
        return failure();
      added = getNumbers(tensor);
      std::vector<int64_t> multipliers = operands.tensor().toInts();
      for (auto [i, value] : llvm::enumerate(added))
        value *= multipliers[i % features];
      break;
    }
    case EpilogueKind::Relu:
      relu = true;
      break;
    case EpilogueKind::Rescale: {
      std::vector<float> scales = operands.tensor().toFloats();
      std::vector<float> numbers;
      for (auto [i, value] : llvm::enumerate(values)) {
        float number = float(value) * scales[i % features];
        numbers.push_back(relu && number < 0 ? 0.0f : number);
      }
      frame.set(op->getResult(0), Tensor::ofFloats(shape, numbers));
      return success();
    }
    case EpilogueKind::RequantizeF32:
      return requantize(op, frame, shape, values, scales, relu, operands);
    case EpilogueKind::Requantize: {
      if (failed(checkSums(op, values, scales)))
        return failure();
      std::vector<int64_t> multipliers = operands.tensor().toInts();
      std::vector<int64_t> shifts = operands.tensor().toInts();
      auto result = operands.result(shape);
      if (failed(result))
        return failure();
      NumberFormat format = result->type.getFormat();
      int64_t zero = result->zeros.empty() ? 0 : int64_t(result->zeros[0]);
      auto low = int64_t(format.getMin()), high = int64_t(format.getMax());
      if (relu)
        low = std::max(low, zero);
      for (auto [i, value] : llvm::enumerate(values)) {
        int64_t shift = shifts[i % features];
        if (shift < 1 || shift > 62)
          return op->emitOpError("expected shifts of 1 to 62, got ") << shift;
        int64_t scaled = value * multipliers[i % features] +
                         (added.empty() ? 0 : added[i]) +
                         (int64_t(1) << (shift - 1));
        int64_t code = std::clamp((scaled >> shift) + zero, low, high);
        result->codes[i] = format.encode(float(code));
      }
      frame.set(op->getResult(0), std::move(*result));
      return success();
    }
    default:
      llvm_unreachable("no step of integer arithmetic");
    }
  }
  llvm_unreachable("integer steps end in requantize or rescale");
}
