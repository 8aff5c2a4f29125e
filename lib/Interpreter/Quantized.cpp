//===- Quantized.cpp - making and reading quantised tensors -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"

#include "qnt/Dialect/QNT/BiasCorrection.h"
#include "qnt/Dialect/QNT/BlockQuantizer.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

/// Codes for scales that are given.
static void encodeWith(QuantizedTensor &tensor, ArrayRef<float> values) {
  BlockQuantizer quantizer(tensor.type);
  int64_t row = tensor.getRowLength(), length = tensor.getBlockLength();
  int64_t block = 0;
  for (int64_t start = 0, end = values.size(); start < end; start += row)
    for (int64_t first = 0; first < row; first += length, ++block) {
      int64_t count = std::min(length, row - first);
      BlockParams params{tensor.scales[block],
                         tensor.zeros.empty() ? 0.0f : tensor.zeros[block]};
      quantizer.encode(
          params, values.slice(start + first, count),
          MutableArrayRef<uint32_t>(tensor.codes).slice(start + first, count));
    }
}

static LogicalResult evaluate(QuantizeOp op, Frame &frame) {
  if (op.getMoment())
    return op.emitOpError("chooses codes by a second moment: expected the "
                          "module after qnt-materialize-params");
  const Tensor &input = frame.tensor(op.getInput());
  std::vector<float> values = input.toFloats();
  QTensorType type = op.getResult().getType();
  if (op.getScale()) {
    auto result =
        makeQuantized(op, type, input.getShape(), frame.tensor(op.getScale()),
                      op.getZero() ? &frame.tensor(op.getZero()) : nullptr);
    if (failed(result))
      return failure();
    encodeWith(*result, values);
    frame.set(op, std::move(*result));
    return success();
  }
  QuantizedTensor result;
  result.type = type.withLayout({}).withShape(input.getShape());
  result.codes.resize(values.size());
  if (!values.empty()) {
    int64_t blocks =
        type.hasScale() ? countElements(result.type.getScaleShape()) : 0;
    result.scales.resize(blocks);
    if (type.hasZeros())
      result.zeros.resize(blocks);
    quantizeRows(result.type, op.getClip(), values,
                 int64_t(values.size()) / result.getRowLength(), result.codes,
                 result.scales, result.zeros);
  }
  frame.set(op, std::move(result));
  return success();
}

static LogicalResult evaluate(DequantizeOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  std::vector<float> values = input.dequantize();
  frame.setFloats(op, input.type.getShape(),
                  std::vector<double>(values.begin(), values.end()));
  return success();
}

static LogicalResult evaluate(CorrectBiasOp op, Frame &frame) {
  std::vector<float> bias = frame.tensor(op.getBias()).toFloats();
  std::vector<float> weight = frame.tensor(op.getWeight()).toFloats();
  std::vector<float> decoded = frame.quantized(op.getCodes()).dequantize();
  std::vector<float> mean = frame.tensor(op.getMean()).toFloats();
  size_t size = weight.size() / bias.size();
  std::vector<double> result;
  for (auto [row, number] : llvm::enumerate(bias))
    result.push_back(
        correctBias(number, ArrayRef(weight).slice(row * size, size),
                    ArrayRef(decoded).slice(row * size, size), mean,
                    op.getWeight().getType().getShape(), int64_t(row)));
  frame.setFloats(op, {int64_t(bias.size())}, result);
  return success();
}

static LogicalResult evaluate(DimOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  frame.set(op, Tensor::ofIndex(input.type.getShape()[op.getDimension()]));
  return success();
}

static LogicalResult evaluate(PackOp op, Frame &frame) {
  Datum numbers = frame.get(op.getInput());
  frame.set(op, std::move(numbers));
  return success();
}

static LogicalResult evaluate(CodesOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  std::vector<int64_t> codes;
  codes.reserve(input.codes.size());
  for (uint32_t code : input.codes)
    codes.push_back(int64_t(input.type.getFormat().decode(code)));
  auto kind = getElementKind(op.getType().getElementType());
  frame.set(op, Tensor::ofInts(*kind, input.type.getShape(), codes));
  return success();
}

static LogicalResult evaluate(WrapOp op, Frame &frame) {
  const Tensor &codes = frame.tensor(op.getCodes());
  auto result =
      makeQuantized(op, op.getResult().getType(), codes.getShape(),
                    frame.tensor(op.getScale()),
                    op.getZero() ? &frame.tensor(op.getZero()) : nullptr);
  if (failed(result))
    return failure();
  NumberFormat format = result->type.getFormat();
  int64_t mask = format.getMin() < 0 ? -1 : (1 << format.getBits()) - 1;
  for (auto [i, code] : llvm::enumerate(result->codes))
    code = format.encode(float(codes.getInt(int64_t(i)) & mask));
  frame.set(op, std::move(*result));
  return success();
}

static LogicalResult evaluate(AddOp op, Frame &frame) {
  const QuantizedTensor &lhs = frame.quantized(op.getLhs());
  const QuantizedTensor &rhs = frame.quantized(op.getRhs());
  if (lhs.type.getShape() != rhs.type.getShape())
    return op.emitOpError("expected operands of one shape");
  auto result =
      makeQuantized(op, op.getResult().getType(), lhs.type.getShape(),
                    frame.tensor(op.getScale()),
                    op.getZero() ? &frame.tensor(op.getZero()) : nullptr);
  if (failed(result))
    return failure();
  auto zeroOf = [](const QuantizedTensor &tensor) {
    return tensor.zeros.empty() ? 0.0f : tensor.zeros[0];
  };
  float a = lhs.scales[0] / result->scales[0];
  float b = rhs.scales[0] / result->scales[0];
  float rest = zeroOf(*result) - std::fma(a, zeroOf(lhs), b * zeroOf(rhs));
  NumberFormat x = lhs.type.getFormat(), y = rhs.type.getFormat();
  NumberFormat format = result->type.getFormat();
  for (auto [i, code] : llvm::enumerate(result->codes)) {
    float sum = std::fma(x.decode(lhs.codes[i]), a,
                         std::fma(y.decode(rhs.codes[i]), b, rest));
    code = format.encode(
        std::nearbyint(std::clamp(sum, format.getMin(), format.getMax())));
  }
  frame.set(op, std::move(*result));
  return success();
}

static LogicalResult evaluate(ObserveOp op, Frame &frame) {
  Datum value = frame.get(op.getInput());
  frame.set(op, std::move(value));
  return success();
}

void interp::registerQuantized(Registry &registry) {
  registry.add<QuantizeOp>(evaluate);
  registry.add<DequantizeOp>(evaluate);
  registry.add<CorrectBiasOp>(evaluate);
  registry.add<DimOp>(evaluate);
  registry.add<PackOp>(evaluate);
  registry.add<ObserveOp>(evaluate);
  registry.add<AddOp>(evaluate);
  registry.add<CodesOp>(evaluate);
  registry.add<WrapOp>(evaluate);
}
