//===- Normalize.cpp - softmax and norms -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Reductions.h"
#include "Registry.h"

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

static Value subtract(Scalars &s, ValueRange x) { return s.sub(x[0], x[1]); }
static Value multiply(Scalars &s, ValueRange x) { return s.mul(x[0], x[1]); }
static Value addUp(Scalars &s, ValueRange x) { return s.add(x[0], x[1]); }

/// The elements relative to the largest along `axis`.
static Tensor shiftToMax(Node &node, const Tensor &input, int64_t axis) {
  Tensor most = unsqueeze(node, maxAlong(node, input, axis), axis);
  return compute(node, {input, most}, subtract);
}

static Value exponential(Scalars &s, ValueRange x) { return s.exp(x[0]); }

Tensor qnt::onnx::softmax(Node &node, const Tensor &input, int64_t axis) {
  if (input.dtype == DType::F32 && axis == input.getRank() - 1)
    return Tensor::ofValue(
        input.dtype, input.dims,
        nn::SoftmaxOp::create(node.builder(), node.loc(), node.value(input)));
  Tensor powers = compute(node, shiftToMax(node, input, axis), exponential);
  Tensor sum = unsqueeze(node, sumAlong(node, powers, axis), axis);
  return compute(node, {powers, sum},
                 [](Scalars &s, ValueRange x) { return s.div(x[0], x[1]); });
}

static void importSoftmax(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), input.getRank());
  Tensor wide = cast(node, input, getAccumulator(input.dtype));
  node.setOutput(0, cast(node, softmax(node, wide, axis), input.dtype));
}

static void importLogSoftmax(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), input.getRank());
  Tensor shifted =
      shiftToMax(node, cast(node, input, getAccumulator(input.dtype)), axis);
  Tensor powers = compute(node, shifted, exponential);
  Tensor sum = unsqueeze(node, sumAlong(node, powers, axis), axis);
  Tensor result = compute(node, {shifted, sum}, [](Scalars &s, ValueRange x) {
    return s.sub(x[0], s.log(x[1]));
  });
  node.setOutput(0, cast(node, result, input.dtype));
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// `input` minus its mean along `axes`, which stay as unit dimensions.
static Tensor center(Node &node, const Tensor &input, ArrayRef<int64_t> axes,
                     Tensor *mean = nullptr) {
  Tensor found = unsqueeze(node, meanAlong(node, input, axes), axes);
  if (mean)
    *mean = found;
  return compute(node, {input, found}, subtract);
}

/// 1 / sqrt(mean(x^2) + eps) along `axes`, which stay as unit dimensions.
static Tensor inverseRoot(Node &node, const Tensor &input,
                          ArrayRef<int64_t> axes, double eps) {
  Tensor squares = compute(node, {input, input}, multiply);
  Tensor mean = unsqueeze(node, meanAlong(node, squares, axes), axes);
  return compute(node, mean, [&](Scalars &s, ValueRange x) {
    return s.div(s.constant(1), s.sqrt(s.add(x[0], s.constant(eps))));
  });
}

/// Whether `tensor` has one element for each of the last, fixed dimension.
static bool isRowOf(const Tensor &tensor, const Tensor &input) {
  return input.dims.back().constant() && tensor.getRank() == 1 &&
         tensor.dims[0] == input.dims.back();
}

static SmallVector<int64_t> axesFrom(int64_t first, const Tensor &input) {
  return llvm::to_vector(llvm::seq<int64_t>(first, input.getRank()));
}

static void expectStashInF32(Node &node) {
  // 1 is f32, in which everything is computed but f64.
  node.expectInt("stash_type", 1);
}

static void importLayerNorm(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  const Tensor &scale = node.input(1, floatTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), input.getRank());
  double eps = node.getFloat("epsilon", 1e-5);
  expectStashInF32(node);
  bool isLayer = input.dtype == DType::F32 && axis == input.getRank() - 1 &&
                 !node.wantsOutput(1) && !node.wantsOutput(2) &&
                 scale.dtype == DType::F32 && isRowOf(scale, input) &&
                 (!node.hasInput(2) || isRowOf(node.input(2), input));
  if (isLayer) {
    Value factor = node.parameter(scale), shift;
    auto type = cast<RankedTensorType>(factor.getType());
    if (node.hasInput(2))
      shift = node.parameter(node.input(2));
    else
      shift = arith::ConstantOp::create(node.builder(), node.loc(),
                                        DenseElementsAttr::get(type, 0.0f));
    Value value =
        nn::LayerNormOp::create(node.builder(), node.loc(), node.value(input),
                                factor, shift, APFloat(eps));
    return node.setOutput(0, Tensor::ofValue(DType::F32, input.dims, value));
  }
  DType wide = getAccumulator(input.dtype);
  SmallVector<int64_t> axes = axesFrom(axis, input);
  Tensor mean;
  Tensor centered = center(node, cast(node, input, wide), axes, &mean);
  Tensor inverse = inverseRoot(node, centered, axes, eps);
  Tensor result = compute(node, {centered, inverse}, multiply);
  result = compute(node, {result, cast(node, scale, wide)}, multiply);
  if (node.hasInput(2))
    result = compute(node, {result, cast(node, node.input(2), wide)}, addUp);
  node.setOutput(0, cast(node, result, input.dtype));
  node.setOutput(1, mean);
  node.setOutput(2, inverse);
}

static void importRMSNorm(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  const Tensor &scale = node.input(1, floatTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), input.getRank());
  double eps = node.getFloat("epsilon", 1e-5);
  expectStashInF32(node);
  if (input.dtype == DType::F32 && scale.dtype == DType::F32 &&
      axis == input.getRank() - 1 && isRowOf(scale, input)) {
    Value value = nn::RMSNormOp::create(
        node.builder(), node.loc(), node.value(input), node.parameter(scale),
        /*groups=*/1, APFloat(eps));
    return node.setOutput(0, Tensor::ofValue(DType::F32, input.dims, value));
  }
  DType wide = getAccumulator(input.dtype);
  SmallVector<int64_t> axes = axesFrom(axis, input);
  Tensor x = cast(node, input, wide);
  Tensor result = compute(node, {x, inverseRoot(node, x, axes, eps)}, multiply);
  result = compute(node, {result, cast(node, scale, wide)}, multiply);
  node.setOutput(0, cast(node, result, scale.dtype));
}

static void importMeanVarianceNorm(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  std::vector<int64_t> given =
      node.findInts("axes").value_or(std::vector<int64_t>{0, 2, 3});
  SmallVector<int64_t> axes = node.normalizeAxes(given, input.getRank());
  Tensor centered =
      center(node, cast(node, input, getAccumulator(input.dtype)), axes);
  // ONNX's definition adds 1e-9 to the deviation.
  Tensor squares = compute(node, {centered, centered}, multiply);
  Tensor variance = unsqueeze(node, meanAlong(node, squares, axes), axes);
  Tensor result =
      compute(node, {centered, variance}, [](Scalars &s, ValueRange x) {
        return s.div(x[0], s.add(s.sqrt(x[1]), s.constant(1e-9)));
      });
  node.setOutput(0, cast(node, result, input.dtype));
}

static void importLpNorm(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), input.getRank());
  int64_t p = node.getInt("p", 2);
  if (p != 1 && p != 2)
    node.fail("p is " + std::to_string(p) + ", expected 1 or 2");
  Tensor wide = cast(node, input, getAccumulator(input.dtype));
  Tensor sum = sumAlong(node, wide, axis, [&](Scalars &s, ValueRange x) {
    return p == 1 ? s.abs(x[0]) : s.mul(x[0], x[0]);
  });
  Tensor norm = unsqueeze(node, sum, axis);
  Tensor result = compute(node, {wide, norm}, [&](Scalars &s, ValueRange x) {
    return s.div(x[0], p == 1 ? x[1] : s.sqrt(x[1]));
  });
  node.setOutput(0, cast(node, result, input.dtype));
}

ArrayRef<Operator> qnt::onnx::getNormalizeOperators() {
  static const Operator operators[] = {
      {"LayerNormalization", 17, importLayerNorm, "stash_type other than f32"},
      {"LogSoftmax", 13, importLogSoftmax},
      {"LpNormalization", 1, importLpNorm},
      {"MeanVarianceNormalization", 9, importMeanVarianceNorm},
      {"RMSNormalization", 23, importRMSNorm, "stash_type other than f32"},
      {"Softmax", 13, importSoftmax},
  };
  return operators;
}
