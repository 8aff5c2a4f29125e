//===- Conv.cpp - convolutions and pooling -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

using nn::Windows;

namespace {
/// Walks the windows of images [B, H, W, C].
struct Walk {
  Walk(const Windows &windows, ArrayRef<int64_t> input, int64_t channels)
      : windows(windows), input(input),
        output(windows.getOutputShape(input, channels)) {}

  /// visit(pixel, taps) for every window, in order; `taps` are the pairs of
  /// index in the kernel and in the images' pixels of those inside the image.
  void run(function_ref<void(int64_t, ArrayRef<std::pair<int64_t, int64_t>>)>
               visit) const {
    SmallVector<std::pair<int64_t, int64_t>> taps;
    int64_t pixel = 0;
    for (int64_t b = 0; b < output[0]; ++b)
      for (int64_t y = 0; y < output[1]; ++y)
        for (int64_t x = 0; x < output[2]; ++x, ++pixel) {
          taps.clear();
          for (int64_t i = 0; i < windows.kernel[0]; ++i)
            for (int64_t j = 0; j < windows.kernel[1]; ++j) {
              int64_t row = at(y, i, 0), column = at(x, j, 1);
              if (row >= 0 && row < input[1] && column >= 0 &&
                  column < input[2])
                taps.push_back({i * windows.kernel[1] + j,
                                (b * input[1] + row) * input[2] + column});
            }
          visit(pixel, taps);
        }
  }

  int64_t at(int64_t window, int64_t tap, unsigned axis) const {
    return window * windows.strides[axis] + tap * windows.dilations[axis] -
           windows.getPadBefore(axis);
  }

  Windows windows;
  SmallVector<int64_t> input, output;
};
} // namespace

/// Convolves numbers `x` of images with `w` [N, KH, KW, C / groups]; sums are
/// exact in `Sum`.
template <typename Number, typename Sum>
static std::vector<Sum> convolve(const Walk &walk, ArrayRef<Number> x,
                                 ArrayRef<Number> w, int64_t groups) {
  int64_t features = walk.output[3], channels = walk.input[3];
  int64_t depth = channels / groups, perGroup = features / groups;
  int64_t taps = walk.windows.kernel[0] * walk.windows.kernel[1];
  std::vector<Sum> y(countElements(walk.output));
  walk.run([&](int64_t pixel, ArrayRef<std::pair<int64_t, int64_t>> inside) {
    for (int64_t n = 0; n < features; ++n) {
      const Number *filter = w.data() + n * taps * depth;
      Sum total = 0;
      for (auto [tap, source] : inside) {
        const Number *in = x.data() + source * channels + n / perGroup * depth;
        const Number *weights = filter + tap * depth;
        // Of 16-bit numbers, a tap's sum fits 32 bits.
        std::conditional_t<std::is_same_v<Number, int16_t>, int32_t, Sum> sum =
            0;
        for (int64_t c = 0; c < depth; ++c)
          sum += in[c] * weights[c];
        total += sum;
      }
      y[pixel * features + n] = total;
    }
  });
  return y;
}

/// The integers that codes stand for, less the zero point of their block.
template <typename Number = int16_t>
static std::vector<Number> getIntegers(const QuantizedTensor &tensor,
                                       IntegerForm form = {}) {
  std::vector<Number> result;
  result.reserve(tensor.codes.size());
  for (auto [i, code] : llvm::enumerate(tensor.codes)) {
    float zero = tensor.zeros.empty() ? 0 : tensor.zeros[tensor.getBlock(i)];
    float number = tensor.type.getFormat().decode(code);
    result.push_back(Number(form.getInteger(number) - zero));
  }
  return result;
}

static LogicalResult evaluate(nn::ConvOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  ArrayRef<int64_t> weight = op.getWeight().getType().getShape();
  Walk walk(Windows::of(op, weight.slice(1, 2)), input.getShape(), weight[0]);
  auto y = convolve<double, double>(walk, input.toDoubles(),
                                    frame.tensor(op.getWeight()).toDoubles(),
                                    op.getGroups());
  if (op.getBias())
    for (auto [i, value] : llvm::enumerate(y))
      value += frame.tensor(op.getBias()).getFloat(int64_t(i) % weight[0]);
  frame.setFloats(op, walk.output, y);
  return success();
}

static LogicalResult evaluate(ConvOp op, Frame &frame) {
  const QuantizedTensor &weight = frame.quantized(op.getWeight());
  ArrayRef<int64_t> filter = weight.type.getShape();
  auto scaleOf = [&](int64_t n) {
    return weight.scales.empty()
               ? 1.0
               : double(weight.scales[weight.scales.size() == 1 ? 0 : n]);
  };
  if (auto *input = std::get_if<Tensor>(&frame.get(op.getInput()))) {
    Walk walk(op.getWindows(), input->getShape(), filter[0]);
    std::vector<float> decoded = weight.dequantize();
    std::vector<double> w(decoded.begin(), decoded.end());
    return applyEpilogue(
        op, frame, walk.output,
        convolve<double, double>(walk, input->toDoubles(), w, op.getGroups()));
  }
  const QuantizedTensor &input = frame.quantized(op.getInput());
  auto form = getWeightForm(op, frame);
  if (failed(form))
    return failure();
  Walk walk(op.getWindows(), input.type.getShape(), filter[0]);
  auto sums =
      weight.type.isInteger()
          ? convolve<int16_t, int64_t>(walk, getIntegers(input),
                                       getIntegers(weight), op.getGroups())
          : convolve<int64_t, int64_t>(walk, getIntegers<int64_t>(input),
                                       getIntegers<int64_t>(weight, *form),
                                       op.getGroups());
  if (isIntegerEpilogue(op.getEpilogue()))
    return applyIntegerEpilogue(op, frame, walk.output, sums,
                                SumScales::of(input, weight));
  std::vector<double> y;
  y.reserve(sums.size());
  for (auto [i, sum] : llvm::enumerate(sums))
    y.push_back(double(sum) * form->getUnit() * input.scales[0] *
                scaleOf(i % filter[0]));
  return applyEpilogue(op, frame, walk.output, std::move(y));
}

/// Folds the numbers of each window, channel by channel:
/// fold(accumulator, number), from `start`.
template <typename Number>
static std::vector<Number> pool(const Walk &walk, ArrayRef<Number> x,
                                Number start,
                                function_ref<Number(Number, Number)> fold) {
  int64_t channels = walk.input[3];
  std::vector<Number> y(countElements(walk.output), start);
  walk.run([&](int64_t pixel, ArrayRef<std::pair<int64_t, int64_t>> inside) {
    for (auto [tap, source] : inside)
      for (int64_t c = 0; c < channels; ++c) {
        Number &out = y[pixel * channels + c];
        out = fold(out, x[source * channels + c]);
      }
  });
  return y;
}

static LogicalResult evaluate(nn::PoolOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  int64_t channels = input.getShape().back();
  Walk walk(Windows::of(op, op.getKernel()), input.getShape(), channels);
  std::vector<double> x = input.toDoubles(), y;
  if (op.getKind() == nn::PoolKind::Max) {
    y = pool<double>(walk, x, -std::numeric_limits<double>::infinity(),
                     [](double best, double value) {
                       return value > best || value != value ? value : best;
                     });
  } else {
    y = pool<double>(walk, x, 0.0,
                     [](double sum, double value) { return sum + value; });
    double whole = double(op.getKernel()[0]) * double(op.getKernel()[1]);
    walk.run([&](int64_t pixel, ArrayRef<std::pair<int64_t, int64_t>> inside) {
      double count = op.getCountPads() ? whole : double(inside.size());
      for (int64_t c = 0; c < channels; ++c)
        y[pixel * channels + c] /= count;
    });
  }
  frame.setFloats(op, walk.output, y);
  return success();
}

static LogicalResult evaluate(MaxPoolOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  NumberFormat format = input.type.getFormat();
  Walk walk(op.getWindows(), input.type.getShape(),
            input.type.getShape().back());
  std::vector<double> x;
  for (uint32_t code : input.codes)
    x.push_back(format.decode(code));
  QuantizedTensor result = input;
  result.type = input.type.withShape(walk.output);
  result.codes.clear();
  for (double number :
       pool<double>(walk, x, format.getMin(),
                    [](double a, double b) { return std::max(a, b); }))
    result.codes.push_back(format.encode(float(number)));
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evaluate(AveragePoolOp op, Frame &frame) {
  const QuantizedTensor &input = frame.quantized(op.getInput());
  Walk walk(op.getWindows(), input.type.getShape(),
            input.type.getShape().back());
  std::vector<int16_t> codes = getIntegers(input);
  auto sums =
      pool<int64_t>(walk, std::vector<int64_t>(codes.begin(), codes.end()), 0,
                    [](int64_t sum, int64_t value) { return sum + value; });
  double positions = double(op.getKernel()[0]) * double(op.getKernel()[1]);
  if (isIntegerEpilogue(op.getEpilogue()))
    return applyIntegerEpilogue(op, frame, walk.output, sums,
                                {{input.scales[0]}, float(positions)});
  std::vector<double> y;
  for (int64_t sum : sums)
    y.push_back(double(sum) * input.scales[0] / positions);
  return applyEpilogue(op, frame, walk.output, std::move(y));
}

void interp::registerConv(Registry &registry) {
  registry.add<nn::ConvOp>(evaluate);
  registry.add<nn::PoolOp>(evaluate);
  registry.add<ConvOp>(evaluate);
  registry.add<MaxPoolOp>(evaluate);
  registry.add<AveragePoolOp>(evaluate);
}
