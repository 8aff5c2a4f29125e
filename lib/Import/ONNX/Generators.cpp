//===- Generators.cpp - tensors made of positions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Loops.h"
#include "Registry.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

static void importConstantOfShape(Node &node) {
  std::vector<Dim> shape = node.dimensions(0, "the shape");
  for (const Dim &dim : shape)
    if (dim.constant().value_or(0) < 0)
      node.fail("the shape has the dimension " + node.dims().str(dim));
  Tensor value = splat(DType::F32, 0);
  if (const AttributeProto *attribute = node.findAttribute("value")) {
    if (attribute->tensor.empty())
      node.fail("attribute 'value' holds no tensor");
    value = node.readTensor(attribute->tensor.front());
    if (!value.constant || value.constant->size() != 1)
      node.fail("attribute 'value' is no tensor of one element");
  }
  node.setOutput(0, expand(node, reshape(node, value, {}), shape));
}

//===----------------------------------------------------------------------===//
// Range
//===----------------------------------------------------------------------===//

/// Numbers that are all known.
static Tensor getRange(Node &node, DType dtype) {
  double numbers[3];
  for (size_t i = 0; i < 3; ++i)
    numbers[i] = node.constant(i, "a bound of the range")->toDoubles()[0];
  auto [start, limit, delta] = numbers;
  double count = std::ceil((limit - start) / delta);
  if (!std::isfinite(count) || count > (1 << 22))
    node.fail("a range that is endless or of more than 2^22 numbers");
  int64_t size = std::max(0.0, count);
  if (isFloat(dtype)) {
    std::vector<double> values(size);
    for (int64_t i = 0; i < size; ++i)
      values[i] = start + double(i) * delta;
    return Tensor::ofConstant(Constant::ofFloats("range", dtype, size, values));
  }
  std::vector<int64_t> values(size);
  int64_t first = node.constant(0, "the start")->toInts()[0];
  int64_t step = node.constant(2, "the step")->toInts()[0];
  for (int64_t i = 0; i < size; ++i)
    values[i] = first + i * step;
  return Tensor::ofConstant(Constant::ofInts("range", dtype, size, values));
}

static void importRange(Node &node) {
  DType dtype = node.input(0, {DType::F32, DType::F64, DType::I16, DType::I32,
                               DType::I64})
                    .dtype;
  expectOneType(node);
  bool isKnown = true;
  for (size_t i = 0; i < 3; ++i) {
    if (node.input(i).countElements() != Dim(1))
      node.fail(node.describe(i) + ": expected one number");
    isKnown &= node.input(i).constant != nullptr;
  }
  if (isKnown || isFloat(dtype))
    return node.setOutput(0, getRange(node, dtype));
  Dim start = node.dimensions(0, "the start")[0];
  Dim limit = node.dimensions(1, "the limit")[0];
  int64_t delta = node.integer(2, "the step");
  if (delta < 1)
    node.fail("a step of " + std::to_string(delta) +
              " to a limit known at run time is not supported");
  Dim size = node.dims().ceilDiv(node.dims().max(limit - start, Dim(0)), delta);
  LoopSize first(node, start);
  node.setOutput(0, generate(node, dtype, size, [&](const LoopBody &body) {
                   Value number = body.add(body.mul(body.index(0), delta),
                                           body.size(first));
                   return body.fromIndex(number, dtype);
                 }));
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

static void importEyeLike(Node &node) {
  const Tensor &input = node.input(0);
  if (input.getRank() != 2)
    node.fail("expected a matrix");
  DType dtype = input.dtype;
  if (auto given = node.findInt("dtype"))
    dtype = getDType(*given);
  int64_t k = node.getInt("k", 0);
  k = std::clamp<int64_t>(k, -INT32_MAX, INT32_MAX);
  Type type = onnx::getElementType(dtype, node.context());
  node.setOutput(
      0, generate(node, dtype, input.dims, [&](const LoopBody &body) {
        Value isOne = body.equal(body.index(1), body.add(body.index(0), k));
        return body.select(isOne,
                           scalarConstant(body.builder, body.loc, type, 1),
                           scalarConstant(body.builder, body.loc, type, 0));
      }));
}

static void importTrilu(Node &node) {
  const Tensor &input = node.input(0);
  int64_t rank = input.getRank();
  if (rank < 2)
    node.fail("expected a matrix or several");
  bool isUpper = node.getInt("upper", 1);
  int64_t k = node.hasInput(1) ? node.integer(1, "the diagonal") : 0;
  k = std::clamp<int64_t>(k, -INT32_MAX, INT32_MAX);
  Source source(node, input);
  Type type = onnx::getElementType(input.dtype, node.context());
  node.setOutput(
      0, generate(node, input.dtype, input.dims, [&](const LoopBody &body) {
        SmallVector<Value> at;
        for (int64_t i = 0; i < rank; ++i)
          at.push_back(body.index(i));
        Value row = body.add(at[rank - 2], k), column = at[rank - 1];
        Value isZero =
            isUpper ? body.less(column, row) : body.less(row, column);
        return body.select(isZero,
                           scalarConstant(body.builder, body.loc, type, 0),
                           body.read(source, at));
      }));
}

static void importOneHot(Node &node) {
  const Tensor &indices = node.input(0, numberTypes());
  const Tensor &values = node.input(2);
  int64_t rank = indices.getRank();
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), rank + 1);
  ConstantRef given = node.constant(1, "the depth");
  if (given->size() != 1 || !(given->toDoubles()[0] >= 0) ||
      given->toDoubles()[0] > INT32_MAX)
    node.fail("expected a depth that is not negative");
  int64_t depth = given->toDoubles()[0];
  if (values.getRank() != 1 || values.dims[0] != Dim(2))
    node.fail("expected two values");
  Tensor numbers = cast(node, indices, DType::I64);
  Source places(node, numbers), choice(node, values);
  SmallVector<Dim> shape(indices.dims);
  shape.insert(shape.begin() + axis, Dim(depth));
  node.setOutput(
      0, generate(node, values.dtype, shape, [&](const LoopBody &body) {
        SmallVector<Value> at;
        for (int64_t i = 0; i <= rank; ++i)
          if (i != axis)
            at.push_back(body.index(i));
        Value place = body.toIndex(body.read(places, at), DType::I64);
        Value isNegative = body.less(place, body.constant(0));
        place = body.select(isNegative, body.add(place, depth), place);
        return body.select(body.equal(place, body.index(axis)),
                           body.read(choice, body.constant(1)),
                           body.read(choice, body.constant(0)));
      }));
}

//===----------------------------------------------------------------------===//
// Along a dimension
//===----------------------------------------------------------------------===//

static void importCumSum(Node &node) {
  const Tensor &input = node.input(0, numberTypes());
  int64_t rank = input.getRank();
  int64_t axis = node.normalizeAxis(node.integer(1, "the axis"), rank);
  bool isExclusive = node.getInt("exclusive", 0);
  bool isReverse = node.getInt("reverse", 0);
  DType wide = getAccumulator(input.dtype);
  Source source(node, input);
  Tensor sums =
      accumulate(node, wide, input.dims, input.dims[axis],
                 scalarAttribute(onnx::getElementType(wide, node.context()), 0),
                 [&](const LoopBody &body, Value sum) {
                   SmallVector<Value> at;
                   for (int64_t i = 0; i < rank; ++i)
                     at.push_back(body.index(i));
                   Value here = at[axis], other = body.index(rank);
                   at[axis] = other;
                   if (isReverse)
                     std::swap(here, other);
                   if (!isExclusive)
                     here = body.add(here, 1);
                   Scalars s = body.scalars(wide);
                   Value x =
                       castScalar(body.builder, body.loc, body.read(source, at),
                                  input.dtype, wide);
                   return s.select(body.less(other, here), s.add(sum, x), sum);
                 });
  node.setOutput(0, cast(node, sums, input.dtype));
}

static void importReverseSequence(Node &node) {
  const Tensor &input = node.input(0);
  const Tensor &lengths = node.input(1, DType::I64);
  int64_t rank = input.getRank();
  int64_t batch = node.getInt("batch_axis", 1);
  int64_t time = node.getInt("time_axis", 0);
  if (rank < 2 || batch < 0 || batch > 1 || time != 1 - batch ||
      lengths.getRank() != 1 || lengths.dims[0] != input.dims[batch])
    node.fail("expected batch_axis and time_axis to be 0 and 1, and a length "
              "for each sequence");
  Source source(node, input), counts(node, lengths);
  node.setOutput(
      0, generate(node, input.dtype, input.dims, [&](const LoopBody &body) {
        SmallVector<Value> at;
        for (int64_t i = 0; i < rank; ++i)
          at.push_back(body.index(i));
        Value count = body.toIndex(body.read(counts, at[batch]), DType::I64);
        Value mirrored = body.sub(body.add(count, -1), at[time]);
        Value isWithin = body.less(at[time], count);
        at[time] = body.clamp(body.select(isWithin, mirrored, at[time]),
                              source.sizes[time]);
        return body.read(source, at);
      }));
}

ArrayRef<Operator> qnt::onnx::getGeneratorOperators() {
  static const Operator operators[] = {
      {"ConstantOfShape", 9, importConstantOfShape},
      {"CumSum", 11, importCumSum, "an axis known at run time alone"},
      {"EyeLike", 9, importEyeLike},
      {"OneHot", 9, importOneHot, "a depth known at run time alone"},
      {"Range", 11, importRange, "floats known at run time alone"},
      {"ReverseSequence", 10, importReverseSequence},
      {"Trilu", 14, importTrilu, "a diagonal known at run time alone"},
  };
  return operators;
}
