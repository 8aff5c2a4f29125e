//===- ShapeFold.cpp - computations on shapes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ShapeFold.h"

#include "Error.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt::onnx;

namespace {
/// A small tensor of known elements.
struct Known {
  SmallVector<int64_t> shape;
  std::vector<Dim> elements;
  DType dtype = DType::I64;
};

using Fold = std::optional<Known> (*)(Node &, ArrayRef<Known>);
} // namespace

//===----------------------------------------------------------------------===//
// Of shapes
//===----------------------------------------------------------------------===//

static void importSize(Node &node) {
  node.setOutput(
      0, Tensor::ofElements(DType::I64, {}, {node.input(0).countElements()}));
}

static void importShape(Node &node) {
  const Tensor &input = node.input(0);
  int64_t rank = input.getRank();
  auto clamp = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  int64_t start = clamp(node.getInt("start", 0));
  int64_t end = std::max(start, clamp(node.getInt("end", rank)));
  std::vector<Dim> dims(input.dims.begin() + start, input.dims.begin() + end);
  node.setOutput(
      0, Tensor::ofElements(DType::I64, {end - start}, std::move(dims)));
}

llvm::ArrayRef<Operator> qnt::onnx::getShapeOperators() {
  static const Operator operators[] = {
      {"Shape", 1, importShape},
      {"Size", 1, importSize},
  };
  return operators;
}

//===----------------------------------------------------------------------===//
// Elements in another order
//===----------------------------------------------------------------------===//

static std::optional<std::vector<int64_t>> toNumbers(const Known &known) {
  std::vector<int64_t> numbers;
  for (const Dim &element : known.elements) {
    if (!element.constant())
      return std::nullopt;
    numbers.push_back(*element.constant());
  }
  return numbers;
}

static std::optional<Known> foldGather(Node &node, ArrayRef<Known> in) {
  auto indices = toNumbers(in[1]);
  if (in[0].shape.size() != 1 || !indices ||
      node.normalizeAxis(node.getInt("axis", 0), 1) != 0)
    return std::nullopt;
  Known result{in[1].shape, {}, in[0].dtype};
  int64_t size = in[0].elements.size();
  for (int64_t index : *indices) {
    if (index < -size || index >= size)
      node.fail("index " + std::to_string(index) + " of " +
                std::to_string(size) + " elements");
    result.elements.push_back(in[0].elements[index < 0 ? index + size : index]);
  }
  return result;
}

static std::optional<Known> foldConcat(Node &node, ArrayRef<Known> in) {
  Known result{{0}, {}, in[0].dtype};
  for (const Known &part : in) {
    if (part.shape.size() != 1)
      return std::nullopt;
    llvm::append_range(result.elements, part.elements);
  }
  (void)node.normalizeAxis(node.getInt("axis", 0), 1);
  result.shape[0] = result.elements.size();
  return result;
}

static std::optional<Known> foldSlice(Node &node, ArrayRef<Known> in) {
  // starts, ends, axes, steps
  int64_t numbers[4] = {0, 0, 0, 1};
  if (in.size() < 3 || in.size() > 5 || in[0].shape.size() != 1)
    return std::nullopt;
  for (size_t i = 1; i < in.size(); ++i) {
    auto value = toNumbers(in[i]);
    if (!value || value->size() != 1)
      return std::nullopt;
    numbers[i - 1] = value->front();
  }
  if (numbers[3] == 0)
    return std::nullopt;
  (void)node.normalizeAxis(numbers[2], 1);
  int64_t size = in[0].elements.size();
  int64_t step = std::clamp(numbers[3], -size - 1, size + 1);
  auto place = [&](int64_t at) {
    at = at < 0 ? at + size : at;
    return step > 0 ? std::clamp<int64_t>(at, 0, size)
                    : std::clamp<int64_t>(at, -1, size - 1);
  };
  Known result{{0}, {}, in[0].dtype};
  for (int64_t i = place(numbers[0]), end = place(numbers[1]);
       step > 0 ? i < end : i > end; i += step)
    result.elements.push_back(in[0].elements[i]);
  result.shape[0] = result.elements.size();
  return result;
}

static std::optional<Known> foldUnsqueeze(Node &node, ArrayRef<Known> in) {
  auto axes = toNumbers(in[1]);
  if (!axes)
    return std::nullopt;
  Known result = in[0];
  int64_t rank = in[0].shape.size() + axes->size();
  for (int64_t axis : node.normalizeAxes(*axes, rank))
    result.shape.insert(result.shape.begin() + axis, 1);
  return result;
}

static std::optional<Known> foldSqueeze(Node &, ArrayRef<Known> in) {
  // Of one element, to a scalar.
  if (in[0].shape.size() != 1 || in[0].elements.size() != 1 ||
      (in.size() > 1 && in[1].elements.size() != 1))
    return std::nullopt;
  Known result = in[0];
  result.shape.clear();
  return result;
}

static std::optional<Known> foldReshape(Node &node, ArrayRef<Known> in) {
  auto shape = toNumbers(in[1]);
  int64_t size = in[0].elements.size();
  // The common cases: to one dimension, to a scalar.
  if (!shape || shape->size() > 1 || node.getInt("allowzero", 0) ||
      (shape->empty() && size != 1) ||
      (!shape->empty() && shape->front() != -1 && shape->front() != size))
    return std::nullopt;
  Known result = in[0];
  result.shape.assign(shape->size(), size);
  return result;
}

static std::optional<Known> foldIdentity(Node &, ArrayRef<Known> in) {
  return in[0];
}

static std::optional<Known> foldCast(Node &node, ArrayRef<Known> in) {
  int64_t to = node.getInt("to", 0);
  if (to != int64_t(DType::I64) && to != int64_t(DType::I32))
    return std::nullopt;
  Known result = in[0];
  result.dtype = DType(to);
  return result;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// `fn` on elements broadcast against each other; none when it gives none.
static std::optional<Known>
broadcastElements(ArrayRef<Known> in, DType dtype,
                  function_ref<std::optional<Dim>(ArrayRef<Dim>)> fn) {
  Known result{{}, {}, dtype};
  for (const Known &operand : in)
    if (operand.shape.size() > 1)
      return std::nullopt;
    else if (operand.shape.size() == 1 &&
             (result.shape.empty() || result.shape[0] == 1))
      result.shape = operand.shape;
  size_t size = result.shape.empty() ? 1 : result.shape[0];
  for (const Known &operand : in)
    if (operand.elements.size() != 1 && operand.elements.size() != size)
      return std::nullopt;
  for (size_t i = 0; i < size; ++i) {
    SmallVector<Dim, 3> operands;
    for (const Known &operand : in)
      operands.push_back(
          operand.elements[operand.elements.size() == 1 ? 0 : i]);
    auto element = fn(operands);
    if (!element)
      return std::nullopt;
    result.elements.push_back(std::move(*element));
  }
  return result;
}

static std::optional<Dim> divide(Node &node, const Dim &lhs, const Dim &rhs) {
  if (lhs.constant() && rhs.constant()) {
    // Towards zero, as ONNX divides integers.
    if (*rhs.constant() == 0 || *lhs.constant() == INT64_MIN)
      return std::nullopt;
    return *lhs.constant() / *rhs.constant();
  }
  if (auto exact = lhs.divideExactly(rhs))
    return exact;
  if (!lhs.isNonNegative() || rhs.constant().value_or(0) <= 0)
    return std::nullopt;
  return node.dims().floorDiv(lhs, rhs);
}

static std::optional<Known> foldArithmetic(Node &node, ArrayRef<Known> in) {
  StringRef op = node.opType();
  return broadcastElements(
      in, in[0].dtype, [&](ArrayRef<Dim> x) -> std::optional<Dim> {
        if (op == "Div")
          return divide(node, x[0], x[1]);
        Dim result = x[0];
        for (const Dim &next : x.drop_front())
          result = op == "Add"   ? result + next
                   : op == "Sub" ? result - next
                   : op == "Mul" ? result * next
                   : op == "Min" ? node.dims().min(result, next)
                                 : node.dims().max(result, next);
        return result;
      });
}

static std::optional<Known> foldEqual(Node &node, ArrayRef<Known> in) {
  return broadcastElements(in, DType::Bool,
                           [&](ArrayRef<Dim> x) -> std::optional<Dim> {
                             Dim difference = x[0] - x[1];
                             if (auto number = difference.constant())
                               return Dim(*number == 0);
                             // A dimension is never negative, above all not -1.
                             for (const Dim &side : {x[0] - x[1], x[1] - x[0]})
                               if ((side - Dim(1)).isNonNegative())
                                 return Dim(0);
                             return std::nullopt;
                           });
}

static std::optional<Known> foldWhere(Node &, ArrayRef<Known> in) {
  return broadcastElements(in, in[1].dtype,
                           [](ArrayRef<Dim> x) -> std::optional<Dim> {
                             if (!x[0].constant())
                               return std::nullopt;
                             return *x[0].constant() ? x[1] : x[2];
                           });
}

static std::optional<Known> foldProduct(Node &node, ArrayRef<Known> in) {
  if (in.size() != 1 || in[0].shape.size() != 1 || node.findAttribute("axes") ||
      node.getInt("noop_with_empty_axes", 0))
    return std::nullopt;
  Dim product = 1;
  for (const Dim &element : in[0].elements)
    product = product * element;
  SmallVector<int64_t> shape(node.getInt("keepdims", 1) ? 1 : 0, 1);
  return Known{shape, {product}, in[0].dtype};
}

/// A bool constant as numbers 0 and 1.
static std::shared_ptr<const std::vector<Dim>> findBools(const Tensor &tensor) {
  if (!tensor.constant || tensor.dtype != DType::Bool ||
      tensor.constant->size() > 256)
    return nullptr;
  std::vector<int64_t> numbers = tensor.constant->toInts();
  return std::make_shared<const std::vector<Dim>>(numbers.begin(),
                                                  numbers.end());
}

bool qnt::onnx::foldShapes(Node &node) {
  StringRef op = node.opType();
  // The function, and how many inputs it takes for granted.
  using Rule = std::pair<Fold, size_t>;
  auto [fold, least] =
      llvm::StringSwitch<Rule>(op)
          .Case("Gather", {foldGather, 2})
          .Case("Concat", {foldConcat, 1})
          .Case("Slice", {foldSlice, 1})
          .Case("Unsqueeze", {foldUnsqueeze, 2})
          .Case("Squeeze", {foldSqueeze, 1})
          .Case("Reshape", {foldReshape, 2})
          .Case("Identity", {foldIdentity, 1})
          .Case("Cast", {foldCast, 1})
          .Cases({"Add", "Sub", "Mul", "Div"}, {foldArithmetic, 2})
          .Cases({"Min", "Max"}, {foldArithmetic, 1})
          .Case("Equal", {foldEqual, 2})
          .Case("Where", {foldWhere, 3})
          .Case("ReduceProd", {foldProduct, 1})
          .Default({nullptr, 0});
  if (!fold || node.numInputs() < least)
    return false;
  SmallVector<Known> inputs;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    if (!node.hasInput(i))
      return false;
    const Tensor &input = node.input(i);
    bool isShape = input.dtype == DType::I64 || input.dtype == DType::I32;
    auto elements = isShape ? input.findElements() : findBools(input);
    if (!elements)
      return false;
    inputs.push_back({input.getShape(), *elements, input.dtype});
  }
  try {
    auto result = fold(node, inputs);
    if (!result)
      return false;
    node.setOutput(0, Tensor::ofElements(result->dtype, result->shape,
                                         std::move(result->elements)));
    return true;
  } catch (const DimOverflow &) {
    // Numbers that wrap are no dimensions.
    return false;
  }
}
