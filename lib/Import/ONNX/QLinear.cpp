//===- QLinear.cpp - layers on codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Layers with known weights become layers on decoded numbers, which passes turn
// into layers on codes; others are integer loops.
//
//===----------------------------------------------------------------------===//
#include "Conv.h"
#include "LayerParts.h"
#include "MatMul.h"
#include "Quantization.h"
#include "Registry.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

static constexpr DType bytes[] = {DType::I8, DType::U8};

//===----------------------------------------------------------------------===//
// Sums of products of integers
//===----------------------------------------------------------------------===//

/// The zero point of input i, whose codes are `codes`; of several ones along
/// `axis`.
static CodeMeaning readZero(Node &node, size_t i, const Tensor &codes,
                            int64_t axis) {
  CodeMeaning meaning;
  if (!node.hasInput(i))
    return meaning;
  const Tensor &zero = node.input(i, codes.dtype);
  if (zero.countElements() == Dim(1)) {
    meaning.zero = reshape(node, zero, {});
    return meaning;
  }
  if (zero.getRank() > 1 && zero.getRank() == codes.getRank()) {
    meaning.zero = zero;
    return meaning;
  }
  if (zero.getRank() != 1 || axis >= codes.getRank() ||
      zero.dims[0] != codes.dims[axis])
    node.fail(node.describe(i) +
              ": expected one zero point, or one for each "
              "index of axis " +
              std::to_string(axis));
  SmallVector<Dim> shape(codes.getRank(), Dim(1));
  shape[axis] = zero.dims[0];
  meaning.zero = reshape(node, zero, shape);
  return meaning;
}

static void importConvInteger(Node &node) {
  const Tensor &images = node.input(0, bytes), &weight = node.input(1, bytes);
  Convolution conv = readConvolution(node, images, weight);
  Tensor x = centre(node, images, readZero(node, 2, images, 1));
  Tensor w = centre(node, weight, readZero(node, 3, weight, 0));
  node.setOutput(0, convolve(node, conv, x, w, DType::I32));
}

/// Matrices of at least rank 2; vectors are not common here.
static void expectMatrices(Node &node, const Tensor &lhs, const Tensor &rhs) {
  if (lhs.getRank() < 2 || rhs.getRank() < 2)
    node.fail("expected matrices, got ranks " + std::to_string(lhs.getRank()) +
              " and " + std::to_string(rhs.getRank()));
}

static void importMatMulInteger(Node &node) {
  const Tensor &lhs = node.input(0, bytes), &rhs = node.input(1, bytes);
  expectMatrices(node, lhs, rhs);
  Tensor x = centre(node, lhs, readZero(node, 2, lhs, lhs.getRank() - 2));
  Tensor w = centre(node, rhs, readZero(node, 3, rhs, rhs.getRank() - 1));
  node.setOutput(0, matmul(node, x, w, DType::I32));
}

/// round-half-even(sums * (x scale * w scale / y scale)) + zero.
static Tensor requantize(Node &node, const Tensor &sums, const Tensor &xScale,
                         const Tensor &wScale, const CodeMeaning &result,
                         DType dtype) {
  auto wide = [&](const Tensor &scale) {
    return cast(node, scale, DType::F32);
  };
  Tensor numbers = compute(
      node, {wide(sums), wide(xScale), wide(wScale), wide(result.scale)},
      [](Scalars &s, ValueRange x) {
        return s.mul(x[0], s.div(s.mul(x[1], x[2]), x[3]));
      });
  CodeMeaning unit = result;
  unit.scale = splat(DType::F32, 1);
  return encode(node, numbers, unit, dtype);
}

//===----------------------------------------------------------------------===//
// QLinearConv, QLinearMatMul
//===----------------------------------------------------------------------===//

/// i32 numbers as floats in units of `first * second`: a bias of sums.
static Tensor decodeBias(Node &node, const Tensor &bias, const Tensor &first,
                         const Tensor &second) {
  double x = first.constant->toDoubles()[0];
  std::vector<double> units;
  for (double scale : second.constant->toDoubles())
    units.push_back(double(float(x) * float(scale)));
  CodeMeaning meaning;
  meaning.scale = Tensor::ofConstant(
      Constant::ofFloats("", DType::F32, {int64_t(units.size())}, units));
  if (units.size() > 1)
    meaning.axis = 0;
  return decode(node, bias, meaning);
}

static bool isKnown(Node &node, std::initializer_list<size_t> inputs) {
  return llvm::all_of(inputs, [&](size_t i) {
    return !node.hasInput(i) || node.input(i).constant;
  });
}

static void importQLinearConv(Node &node) {
  const Tensor &images = node.input(0, bytes), &weight = node.input(3, bytes);
  Convolution conv = readConvolution(node, images, weight);
  DType dtype = images.dtype;
  if (node.hasInput(7))
    dtype = node.input(7, bytes).dtype;
  CodeMeaning x = readMeaning(node, images, 1, 2, 1);
  CodeMeaning w = readMeaning(node, weight, 4, 5, 0);
  CodeMeaning y = readMeaning(node, images, 6, 7, 1);
  std::optional<Tensor> bias;
  if (node.hasInput(8)) {
    bias = node.input(8, DType::I32);
    if (bias->getRank() != 1 || bias->dims[0] != Dim(conv.filters))
      node.fail(node.describe(8) + ": expected a number for each filter");
  }
  if (isKnown(node, {1, 2, 3, 4, 5, 6, 7, 8}) && isLayer(conv)) {
    std::optional<Tensor> real;
    if (bias)
      real = decodeBias(node, *bias, x.scale, w.scale);
    Tensor result =
        convolveLayer(node, conv, decode(node, images, x),
                      decode(node, weight, w), real ? &*real : nullptr);
    return node.setOutput(0, encode(node, result, y, dtype));
  }
  Tensor sums = convolve(node, conv, centre(node, images, x),
                         centre(node, weight, w), DType::I32);
  if (bias)
    sums = addBias(node, sums, *bias, conv.filters);
  Tensor wScale = w.scale;
  if (w.axis) {
    SmallVector<Dim> shape(images.getRank() - 1, Dim(1));
    shape[0] = conv.filters;
    wScale = reshape(node, wScale, shape);
  }
  node.setOutput(0, requantize(node, sums, x.scale, wScale, y, dtype));
}

static void importQLinearMatMul(Node &node) {
  const Tensor &lhs = node.input(0, bytes), &rhs = node.input(3, bytes);
  expectMatrices(node, lhs, rhs);
  DType dtype = node.input(7, bytes).dtype;
  CodeMeaning x = readMeaning(node, lhs, 1, 2, lhs.getRank() - 2);
  CodeMeaning w = readMeaning(node, rhs, 4, 5, rhs.getRank() - 1);
  CodeMeaning y = readMeaning(node, lhs, 6, 7, lhs.getRank() - 2);
  if (isKnown(node, {1, 2, 3, 4, 5, 6, 7}) && rhs.getRank() == 2 &&
      node.input(1).dtype == DType::F32)
    if (auto layer =
            linear(node, decode(node, lhs, x),
                   transpose(node, decode(node, rhs, w), {1, 0}), nullptr))
      return node.setOutput(0, encode(node, *layer, y, dtype));
  Tensor sums =
      matmul(node, centre(node, lhs, x), centre(node, rhs, w), DType::I32);
  node.setOutput(0, requantize(node, sums, x.scale, w.scale, y, dtype));
}

//===----------------------------------------------------------------------===//
// com.microsoft
//===----------------------------------------------------------------------===//

/// QLinearAdd, QLinearMul.
static void importBinary(Node &node) {
  bool isAdd = node.opType() == "QLinearAdd";
  const Tensor &lhs = node.input(0, bytes), &rhs = node.input(3, bytes);
  Tensor a = decode(node, lhs, readMeaning(node, lhs, 1, 2, 0));
  Tensor b = decode(node, rhs, readMeaning(node, rhs, 4, 5, 0));
  Tensor result = isAdd ? add(node, a, b) : multiply(node, a, b);
  node.setOutput(
      0, encode(node, result, readMeaning(node, result, 6, 7, 0), lhs.dtype));
}

static void importQLinearSigmoid(Node &node) {
  const Tensor &input = node.input(0, bytes);
  Tensor x = decode(node, input, readMeaning(node, input, 1, 2, 0));
  Tensor result = compute(node, x, [](Scalars &s, ValueRange y) {
    return s.div(s.constant(1), s.add(s.constant(1), s.exp(s.neg(y[0]))));
  });
  node.setOutput(
      0, encode(node, result, readMeaning(node, result, 3, 4, 0), input.dtype));
}

static void importQLinearLeakyRelu(Node &node) {
  const Tensor &input = node.input(0, bytes);
  double alpha = node.getFloat("alpha", 0.01);
  Tensor x = decode(node, input, readMeaning(node, input, 1, 2, 0));
  Tensor result = compute(node, x, [&](Scalars &s, ValueRange y) {
    return s.select(s.less(y[0], s.constant(0)), s.mul(y[0], s.constant(alpha)),
                    y[0]);
  });
  node.setOutput(
      0, encode(node, result, readMeaning(node, result, 3, 4, 0), input.dtype));
}

static void importQLinearGlobalAveragePool(Node &node) {
  const Tensor &input = node.input(0, bytes);
  node.expectInt("channels_last", 0);
  Tensor x = decode(node, input, readMeaning(node, input, 1, 2, 1));
  Tensor result = averageImages(node, x);
  node.setOutput(
      0, encode(node, result, readMeaning(node, result, 3, 4, 1), input.dtype));
}

static void importQLinearAveragePool(Node &node) {
  const Tensor &input = node.input(0, bytes);
  node.expectInt("channels_last", 0);
  Tensor x = decode(node, input, readMeaning(node, input, 1, 2, 1));
  Tensor result = averageWindows(node, x);
  node.setOutput(
      0, encode(node, result, readMeaning(node, result, 3, 4, 1), input.dtype));
}

static void importQLinearConcat(Node &node) {
  // The result's scale and zero point, then a tensor with its own, and so on.
  if (node.numInputs() < 5 || (node.numInputs() - 2) % 3 != 0)
    node.fail("expected a scale and a zero point for each tensor");
  SmallVector<Tensor> parts;
  for (size_t i = 2; i < node.numInputs(); i += 3) {
    const Tensor &codes = node.input(i, bytes);
    parts.push_back(
        decode(node, codes, readMeaning(node, codes, i + 1, i + 2, 0)));
  }
  Tensor result = concat(node, parts, node.getInt("axis", 0));
  node.setOutput(0, encode(node, result, readMeaning(node, result, 0, 1, 0),
                           node.input(1, bytes).dtype));
}

static void importQGemm(Node &node) {
  Tensor lhs = node.input(0, bytes), rhs = node.input(3, bytes);
  if (lhs.getRank() != 2 || rhs.getRank() != 2)
    node.fail("expected matrices");
  if (node.getFloat("alpha", 1) != 1)
    node.fail("attribute 'alpha' other than 1 is not supported");
  CodeMeaning x = readMeaning(node, lhs, 1, 2, 0);
  bool isTransposed = node.getInt("transB", 0);
  CodeMeaning w = readMeaning(node, rhs, 4, 5, isTransposed ? 0 : 1);
  if (!isKnown(node, {1, 2, 3, 4, 5, 6, 7, 8}))
    node.fail("weights and scales known at run time alone are not supported");
  Tensor input = decode(node, lhs, x);
  if (node.getInt("transA", 0))
    input = transpose(node, input, {1, 0});
  Tensor weight = decode(node, rhs, w);
  if (!isTransposed)
    weight = transpose(node, weight, {1, 0});
  std::optional<Tensor> bias;
  if (node.hasInput(6)) {
    const Tensor &numbers = node.input(6, DType::I32);
    if (numbers.countElements() != weight.dims[0])
      node.fail(node.describe(6) + ": expected a number for each column");
    bias = decodeBias(node, reshape(node, numbers, weight.dims[0]), x.scale,
                      w.scale);
  }
  auto layer = linear(node, input, weight, bias ? &*bias : nullptr);
  if (!layer)
    node.fail("an input known when importing is not supported");
  if (!node.hasInput(7))
    return node.setOutput(0, *layer);
  node.setOutput(
      0, encode(node, *layer, readMeaning(node, *layer, 7, 8, 0), lhs.dtype));
}

ArrayRef<Operator> qnt::onnx::getQLinearOperators() {
  static constexpr llvm::StringLiteral ms = "com.microsoft";
  static const Operator operators[] = {
      {"ConvInteger", 10, importConvInteger},
      {"MatMulInteger", 10, importMatMulInteger, "vectors"},
      {"QLinearConv", 10, importQLinearConv},
      {"QLinearMatMul", 10, importQLinearMatMul, "vectors"},
      {"QGemm", 1, importQGemm,
       "alpha other than 1; weights and scales known at run time alone", ms},
      {"QLinearAdd", 1, importBinary, "", ms},
      {"QLinearAveragePool", 1, importQLinearAveragePool, "channels_last", ms},
      {"QLinearConcat", 1, importQLinearConcat, "", ms},
      {"QLinearGlobalAveragePool", 1, importQLinearGlobalAveragePool,
       "channels_last", ms},
      {"QLinearLeakyRelu", 1, importQLinearLeakyRelu, "", ms},
      {"QLinearMul", 1, importBinary, "", ms},
      {"QLinearSigmoid", 1, importQLinearSigmoid, "", ms},
  };
  return operators;
}
