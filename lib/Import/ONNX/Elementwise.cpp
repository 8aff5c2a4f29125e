//===- Elementwise.cpp - operators on the elements of one tensor ---------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"
#include "Scalars.h"

#include "qnt/Dialect/NN/NN.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// A function of floats that is one op.
template <typename OpTy> static void importFunction(Node &node) {
  node.setOutput(
      0, compute(node, node.input(0, floatTypes()),
                 [](Scalars &s, ValueRange x) { return s.op<OpTy>(x[0]); }));
}

static void importReciprocal(Node &node) {
  node.setOutput(0, compute(node, node.input(0, floatTypes()),
                            [](Scalars &s, ValueRange x) {
                              return s.div(s.constant(1), x[0]);
                            }));
}

static void importAbs(Node &node) {
  node.setOutput(0,
                 compute(node, node.input(0, numberTypes()),
                         [](Scalars &s, ValueRange x) { return s.abs(x[0]); }));
}

static void importNeg(Node &node) {
  node.setOutput(0,
                 compute(node, node.input(0, numberTypes()),
                         [](Scalars &s, ValueRange x) { return s.neg(x[0]); }));
}

static void importSign(Node &node) {
  // Zeros and NaNs stay what they are.
  auto formula = [](Scalars &s, ValueRange x) {
    Value zero = s.constant(0);
    Value positive = s.select(s.greater(x[0], zero), s.constant(1), x[0]);
    return isUnsigned(s.dtype)
               ? positive
               : s.select(s.less(x[0], zero), s.constant(-1), positive);
  };
  node.setOutput(0, compute(node, node.input(0, numberTypes()), formula));
}

static void importIsNaN(Node &node) {
  node.setOutput(0, computeAs(node, node.input(0, floatTypes()), DType::Bool,
                              [](Scalars &s, ValueRange x) {
                                return s.op<arith::CmpFOp>(
                                    arith::CmpFPredicate::UNO, x[0], x[0]);
                              }));
}

static void importIsInf(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  bool isNegative = node.getInt("detect_negative", 1);
  bool isPositive = node.getInt("detect_positive", 1);
  auto formula = [&](Scalars &s, ValueRange x) -> Value {
    auto type = cast<FloatType>(x[0].getType());
    auto equals = [&](bool negative) {
      APFloat infinity = APFloat::getInf(type.getFloatSemantics(), negative);
      return s.equal(x[0],
                     s.op<arith::ConstantOp>(FloatAttr::get(type, infinity)));
    };
    if (isNegative && isPositive)
      return s.op<arith::OrIOp>(equals(true), equals(false));
    if (isNegative || isPositive)
      return equals(isNegative);
    return scalarConstant(s.builder, s.loc, s.builder.getI1Type(), 0);
  };
  node.setOutput(0, computeAs(node, input, DType::Bool, formula));
}

/// Not and BitwiseNot.
static void importNot(Node &node) {
  const Tensor &input = node.opType() == "Not" ? node.input(0, DType::Bool)
                                               : node.input(0, integerTypes());
  node.setOutput(0, compute(node, input, [](Scalars &s, ValueRange x) {
                   return s.op<arith::XOrIOp>(
                       x[0], s.constant(s.dtype == DType::Bool ? 1 : -1));
                 }));
}

/// The bounds as nn.activation or nn.clamp, for what these can say.
static std::optional<Tensor> findClamp(Node &node, const Tensor &input) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double bounds[] = {-infinity, infinity};
  if (input.dtype != DType::F32 || input.getRank() == 0 || input.constant)
    return std::nullopt;
  for (size_t i = 1; i < 3; ++i)
    if (node.hasInput(i)) {
      ConstantRef bound = node.input(i).constant;
      if (!bound || bound->size() != 1)
        return std::nullopt;
      bounds[i - 1] = bound->toDoubles()[0];
    }
  Value value;
  if (bounds[0] == 0 && bounds[1] == infinity)
    value =
        nn::ActivationOp::create(node.builder(), node.loc(),
                                 nn::ActivationKind::Relu, node.value(input));
  else if (bounds[0] <= bounds[1])
    value = nn::ClampOp::create(node.builder(), node.loc(), node.value(input),
                                APFloat(bounds[0]), APFloat(bounds[1]));
  else
    return std::nullopt;
  return Tensor::ofValue(DType::F32, input.dims, value);
}

static void importClip(Node &node) {
  const Tensor &input = node.input(0, numberTypes());
  expectOneType(node);
  if (auto clamp = findClamp(node, input))
    return node.setOutput(0, *clamp);
  Tensor result = input;
  for (size_t i = 1; i < 3; ++i) {
    if (!node.hasInput(i))
      continue;
    const Tensor &bound = node.input(i);
    if (bound.countElements().constant() != 1)
      node.fail(node.describe(i) + ": expected a bound of one element");
    result = compute(node, {result, reshape(node, bound, {})},
                     [&](Scalars &s, ValueRange x) {
                       return i == 1 ? s.max(x[0], x[1]) : s.min(x[0], x[1]);
                     });
  }
  node.setOutput(0, result);
}

ArrayRef<Operator> qnt::onnx::getElementwiseOperators() {
  static const Operator operators[] = {
      {"Abs", 6, importAbs},
      {"Acos", 7, importFunction<math::AcosOp>},
      {"Acosh", 9, importFunction<math::AcoshOp>},
      {"Asin", 7, importFunction<math::AsinOp>},
      {"Asinh", 9, importFunction<math::AsinhOp>},
      {"Atan", 7, importFunction<math::AtanOp>},
      {"Atanh", 9, importFunction<math::AtanhOp>},
      {"BitwiseNot", 18, importNot},
      {"Ceil", 6, importFunction<math::CeilOp>},
      {"Clip", 11, importClip},
      {"Cos", 7, importFunction<math::CosOp>},
      {"Cosh", 9, importFunction<math::CoshOp>},
      {"Erf", 9, importFunction<math::ErfOp>},
      {"Exp", 6, importFunction<math::ExpOp>},
      {"Floor", 6, importFunction<math::FloorOp>},
      {"IsInf", 10, importIsInf},
      {"IsNaN", 9, importIsNaN},
      {"Log", 6, importFunction<math::LogOp>},
      {"Neg", 6, importNeg},
      {"Not", 1, importNot},
      {"Reciprocal", 6, importReciprocal},
      {"Round", 11, importFunction<math::RoundEvenOp>},
      {"Sign", 9, importSign},
      {"Sin", 7, importFunction<math::SinOp>},
      {"Sinh", 9, importFunction<math::SinhOp>},
      {"Sqrt", 6, importFunction<math::SqrtOp>},
      {"Tan", 7, importFunction<math::TanOp>},
  };
  return operators;
}
