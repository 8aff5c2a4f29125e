//===- Linear.cpp - fully connected layers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"

#include "qnt/Dialect/QNT/IntegerForm.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static SmallVector<int64_t> resultShape(ArrayRef<int64_t> input, int64_t n) {
  SmallVector<int64_t> shape(input);
  shape.back() = n;
  return shape;
}

static LogicalResult evaluate(nn::LinearOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  std::vector<double> x = input.toDoubles();
  std::vector<double> w = frame.tensor(op.getWeight()).toDoubles();
  int64_t n = op.getWeight().getType().getDimSize(0);
  int64_t k = op.getWeight().getType().getDimSize(1);
  int64_t rows = countElements(input.getShape().drop_back());
  std::vector<double> y(rows * n);
  for (int64_t i = 0; i < rows * n; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < k; ++j)
      sum += x[i / n * k + j] * w[i % n * k + j];
    y[i] =
        op.getBias() ? sum + frame.tensor(op.getBias()).getFloat(i % n) : sum;
  }
  auto shape = resultShape(input.getShape(), n);
  frame.setFloats(op, shape, y);
  return success();
}

//===----------------------------------------------------------------------===//
// qnt.linear
//===----------------------------------------------------------------------===//

namespace {
/// The contraction of one quantised weight [N, K]: scales that share columns
/// are walked group by group. `form` has what makes integers of its numbers;
/// then scales have the unit.
struct Weight {
  explicit Weight(const QuantizedTensor &tensor, IntegerForm form = {})
      : tensor(tensor), n(tensor.type.getShape()[0]),
        k(tensor.type.getShape()[1]),
        group(tensor.type.getBlock().getKind() == BlockKind::Group
                  ? tensor.type.getBlock().getGroup()
                  : k),
        unit(form.getUnit()), sumBits(32 + form.getExcess()) {
    numbers.reserve(tensor.codes.size());
    for (uint32_t code : tensor.codes)
      numbers.push_back(form.getInteger(tensor.type.getFormat().decode(code)));
  }
  bool hasOffsets() const { return tensor.type.hasOffsets(); }
  double scale(int64_t row, int64_t column) const {
    return tensor.scales.empty()
               ? 1.0
               : unit * tensor.scales[tensor.getBlock(row * k + column)];
  }
  /// The zero point of a block; 0 for types with offsets.
  double zero(int64_t row, int64_t column) const {
    return hasOffsets() ? 0.0 : zeroOrOffset(row, column);
  }
  double offset(int64_t row, int64_t column) const {
    return hasOffsets() ? zeroOrOffset(row, column) : 0.0;
  }
  const QuantizedTensor &tensor;
  int64_t n, k, group;
  double unit;
  /// What plain products of codes may sum up to.
  unsigned sumBits;
  std::vector<double> numbers;

private:
  double zeroOrOffset(int64_t row, int64_t column) const {
    return tensor.zeros.empty()
               ? 0.0
               : tensor.zeros[tensor.getBlock(row * k + column)];
  }
};
} // namespace

/// Sums over each group the products of `x` with the numbers of weight row
/// `row`, less their zero point, times the group's scale, less the offset times
/// the sum of `x`, groups in order.
static double dotFloat(ArrayRef<double> x, const Weight &weight, int64_t row) {
  double total = 0;
  for (int64_t first = 0; first < weight.k; first += weight.group) {
    int64_t last = std::min(first + weight.group, weight.k);
    double zero = weight.zero(row, first), sum = 0, inputs = 0;
    for (int64_t j = first; j < last; ++j) {
      sum += x[j] * (weight.numbers[row * weight.k + j] - zero);
      inputs += x[j];
    }
    total += weight.scale(row, first) * sum;
    if (weight.hasOffsets())
      total -= weight.offset(row, first) * inputs;
  }
  return total;
}

/// As dotFloat on integers `x` (less their zero point `inputZero`), the sums
/// exact. Fails when the plain dot product of the codes of a group does not fit
/// the 32 bits that targets accumulate in, or as many more as the weight's
/// integers have beyond 8.
static FailureOr<double> dotInteger(ArrayRef<double> x, double inputZero,
                                    const Weight &weight, int64_t row) {
  double total = 0;
  for (int64_t first = 0; first < weight.k; first += weight.group) {
    int64_t last = std::min(first + weight.group, weight.k);
    double zero = weight.zero(row, first);
    int64_t plain = 0, sum = 0, inputs = 0;
    for (int64_t j = first; j < last; ++j) {
      double w = weight.numbers[row * weight.k + j];
      plain += int64_t(x[j] * w);
      sum += int64_t((x[j] - inputZero) * (w - zero));
      inputs += int64_t(x[j] - inputZero);
    }
    if (!llvm::isIntN(weight.sumBits, plain))
      return failure();
    total += weight.scale(row, first) * double(sum);
    if (weight.hasOffsets())
      total -= weight.offset(row, first) * double(inputs);
  }
  return total;
}

static LogicalResult contract(LinearOp op, Frame &frame, const Weight &weight,
                              SmallVectorImpl<int64_t> &shape,
                              std::vector<double> &y) {
  if (auto *input = std::get_if<Tensor>(&frame.get(op.getInput()))) {
    shape = resultShape(input->getShape(), weight.n);
    std::vector<double> x = input->toDoubles();
    for (int64_t i = 0, count = countElements(shape); i < count; ++i)
      y.push_back(dotFloat(ArrayRef(x).slice(i / weight.n * weight.k, weight.k),
                           weight, i % weight.n));
    return success();
  }
  const QuantizedTensor &input = frame.quantized(op.getInput());
  shape = resultShape(input.type.getShape(), weight.n);
  // Of groups, numbers times their scale, exact in double; of rows, codes.
  bool isGrouped = input.type.getBlock().getKind() == BlockKind::Group;
  std::vector<double> x;
  for (auto [i, code] : llvm::enumerate(input.codes))
    x.push_back(double(input.type.getFormat().decode(code)) *
                (isGrouped ? input.scales[input.getBlock(int64_t(i))] : 1.0));
  if (!input.type.isInteger()) {
    for (int64_t i = 0, count = countElements(shape); i < count; ++i) {
      int64_t first = i / weight.n * weight.k;
      double scale = isGrouped ? 1.0 : input.scales[input.getBlock(first)];
      y.push_back(scale * dotFloat(ArrayRef(x).slice(first, weight.k), weight,
                                   i % weight.n));
    }
    return success();
  }
  for (int64_t i = 0, count = countElements(shape); i < count; ++i) {
    int64_t first = i / weight.n * weight.k;
    int64_t block = input.getBlock(first);
    auto sum = dotInteger(ArrayRef(x).slice(first, weight.k),
                          input.zeros.empty() ? 0.0 : input.zeros[block],
                          weight, i % weight.n);
    if (failed(sum))
      return op.emitOpError("has a dot product of codes beyond ")
             << weight.sumBits << " bits";
    y.push_back(double(input.scales[block]) * *sum);
  }
  return success();
}

/// The exact sums of products of codes, less their zero points, of an input
/// per_tensor and a weight with one scale a channel.
static std::vector<int64_t> contractIntegers(const QuantizedTensor &input,
                                             const Weight &weight) {
  double zero = input.zeros.empty() ? 0.0 : input.zeros[0];
  std::vector<double> x;
  for (uint32_t code : input.codes)
    x.push_back(input.type.getFormat().decode(code) - zero);
  std::vector<int64_t> sums(x.size() / weight.k * weight.n);
  for (auto [i, sum] : llvm::enumerate(sums)) {
    const double *row = x.data() + i / weight.n * weight.k;
    const double *w = weight.numbers.data() + i % weight.n * weight.k;
    double point = weight.zero(i % weight.n, 0);
    for (int64_t j = 0; j < weight.k; ++j)
      sum += int64_t(row[j] * (w[j] - point));
  }
  return sums;
}

static LogicalResult evaluate(LinearOp op, Frame &frame) {
  auto form = getWeightForm(op, frame);
  if (failed(form))
    return failure();
  Weight weight(frame.quantized(op.getWeight()), *form);
  SmallVector<int64_t> shape;
  if (isIntegerEpilogue(op.getEpilogue())) {
    const QuantizedTensor &input = frame.quantized(op.getInput());
    shape = resultShape(input.type.getShape(), weight.n);
    return applyIntegerEpilogue(op, frame, shape,
                                contractIntegers(input, weight),
                                SumScales::of(input, weight.tensor));
  }
  std::vector<double> y;
  if (failed(contract(op, frame, weight, shape, y)))
    return failure();
  return applyEpilogue(op, frame, shape, std::move(y));
}

void interp::registerLinear(Registry &registry) {
  registry.add<nn::LinearOp>(evaluate);
  registry.add<LinearOp>(evaluate);
}
