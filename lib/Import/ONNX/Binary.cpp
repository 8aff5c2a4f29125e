//===- Binary.cpp - operators on the elements of several tensors ---------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerParts.h"
#include "Registry.h"
#include "Scalars.h"

#include "qnt/Dialect/NN/NN.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// `tensor` without leading unit dimensions, when its shape is then a suffix of
/// `shape` with at least one dimension.
static std::optional<Tensor> findSuffix(Node &node, const Tensor &tensor,
                                        ArrayRef<Dim> shape) {
  ArrayRef<Dim> dims = tensor.dims;
  // A view of a value costs an op; of a constant, nothing.
  while (tensor.constant && !dims.empty() && dims[0].constant() == 1 &&
         (dims.size() > shape.size() || shape[shape.size() - dims.size()] != 1))
    dims = dims.drop_front();
  if (dims.empty() || dims.size() > shape.size() ||
      !llvm::equal(dims, shape.take_back(dims.size())))
    return std::nullopt;
  return reshape(node, tensor, SmallVector<Dim>(dims));
}

/// Sum or product as an nn op, where both are f32 and one has a suffix of the
/// other's shape.
template <typename OpTy>
static std::optional<Tensor> findLayer(Node &node, Tensor lhs, Tensor rhs) {
  if (lhs.dtype != DType::F32)
    return std::nullopt;
  if (lhs.constant || lhs.getRank() < rhs.getRank())
    std::swap(lhs, rhs);
  if (lhs.constant)
    return std::nullopt;
  auto suffix = findSuffix(node, rhs, lhs.dims);
  if (!suffix)
    return std::nullopt;
  Value value = OpTy::create(node.builder(), node.loc(), node.value(lhs),
                             node.value(*suffix));
  return Tensor::ofValue(DType::F32, lhs.dims, value);
}

Tensor qnt::onnx::add(Node &node, const Tensor &lhs, const Tensor &rhs) {
  if (auto layer = findLayer<nn::AddOp>(node, lhs, rhs))
    return *layer;
  return compute(node, {lhs, rhs},
                 [](Scalars &s, ValueRange x) { return s.add(x[0], x[1]); });
}

Tensor qnt::onnx::multiply(Node &node, const Tensor &lhs, const Tensor &rhs) {
  if (auto layer = findLayer<nn::MulOp>(node, lhs, rhs))
    return *layer;
  return compute(node, {lhs, rhs},
                 [](Scalars &s, ValueRange x) { return s.mul(x[0], x[1]); });
}

static void importAdd(Node &node) {
  expectOneType(node);
  node.setOutput(0, add(node, node.input(0, numberTypes()), node.input(1)));
}

static void importMul(Node &node) {
  expectOneType(node);
  node.setOutput(0,
                 multiply(node, node.input(0, numberTypes()), node.input(1)));
}

static void importSub(Node &node) {
  expectOneType(node);
  node.setOutput(
      0, compute(node, {node.input(0, numberTypes()), node.input(1)},
                 [](Scalars &s, ValueRange x) { return s.sub(x[0], x[1]); }));
}

static void importDiv(Node &node) {
  expectOneType(node);
  node.setOutput(
      0, compute(node, {node.input(0, numberTypes()), node.input(1)},
                 [](Scalars &s, ValueRange x) { return s.div(x[0], x[1]); }));
}

static void importMod(Node &node) {
  const Tensor &lhs = node.input(0, numberTypes());
  expectOneType(node);
  bool isRemainder = node.getInt("fmod", 0);
  if (isFloat(lhs.dtype) && !isRemainder)
    node.fail("fmod must be 1 for floats");
  auto formula = [&](Scalars &s, ValueRange x) {
    Value rest = s.rem(x[0], x[1]);
    if (isRemainder || isUnsigned(s.dtype))
      return rest;
    // The sign of the divisor.
    Value zero = s.constant(0);
    Value differs = s.op<arith::XOrIOp>(s.less(rest, zero), s.less(x[1], zero));
    Value isZero = s.equal(rest, zero);
    return s.select(isZero, rest, s.select(differs, s.add(rest, x[1]), rest));
  };
  node.setOutput(0, compute(node, {lhs, node.input(1)}, formula));
}

static void importPow(Node &node) {
  const Tensor &base = node.input(0, numberTypes());
  const Tensor &exponent = node.input(1, numberTypes());
  DType from = exponent.dtype, to = base.dtype;
  bool isInt = isInteger(to) && isInteger(from);
  DType wide = isInt           ? DType::I64
               : isInteger(to) ? DType::F64
                               : getAccumulator(to);
  bool isSquare = exponent.constant && exponent.constant->size() == 1 &&
                  exponent.constant->toDoubles()[0] == 2;
  auto body = [&](OpBuilder &builder, Location loc, ValueRange args) {
    Scalars s(builder, loc, wide);
    Value x = castScalar(builder, loc, args[0], to, wide);
    Value y = castScalar(builder, loc, args[1], from, wide);
    Value power = isSquare ? s.mul(x, x)
                  : isInt  ? s.op<math::IPowIOp>(x, y)
                           : s.op<math::PowFOp>(x, y);
    return castScalar(builder, loc, power, wide, to);
  };
  node.setOutput(0, elementwise(node, {base, exponent}, to, body));
}

/// Max, Min, Sum and Mean of any number of tensors.
static void importVariadic(Node &node) {
  StringRef op = node.opType();
  bool isExtreme = op == "Max" || op == "Min";
  SmallVector<Tensor> inputs;
  for (size_t i = 0; i < node.numInputs(); ++i)
    inputs.push_back(node.input(i, isExtreme ? numberTypes() : floatTypes()));
  if (inputs.empty())
    node.fail("expected an input");
  expectOneType(node);
  auto formula = [&](Scalars &s, ValueRange x) {
    Value result = x[0];
    for (Value next : x.drop_front())
      result = op == "Max"   ? s.max(result, next)
               : op == "Min" ? s.min(result, next)
                             : s.add(result, next);
    return op == "Mean" ? s.div(result, s.constant(x.size())) : result;
  };
  node.setOutput(0, compute(node, inputs, formula));
}

static void importPRelu(Node &node) {
  const Tensor &input = node.input(0, numberTypes());
  expectOneType(node);
  node.setOutput(
      0, compute(node, {input, node.input(1)}, [](Scalars &s, ValueRange x) {
        return s.select(s.less(x[0], s.constant(0)), s.mul(x[0], x[1]), x[0]);
      }));
}

//===----------------------------------------------------------------------===//
// Comparisons and bits
//===----------------------------------------------------------------------===//

static void importComparison(Node &node) {
  StringRef op = node.opType();
  const Tensor &lhs = node.input(0, op == "Equal" ? allTypes() : numberTypes());
  expectOneType(node);
  auto formula = [&](Scalars &s, ValueRange x) {
    if (op == "Equal")
      return s.equal(x[0], x[1]);
    if (op == "Less")
      return s.less(x[0], x[1]);
    if (op == "LessOrEqual")
      return s.lessOrEqual(x[0], x[1]);
    if (op == "Greater")
      return s.less(x[1], x[0]);
    return s.lessOrEqual(x[1], x[0]);
  };
  node.setOutput(0,
                 computeAs(node, {lhs, node.input(1)}, DType::Bool, formula));
}

template <typename OpTy> static void importBits(Node &node) {
  bool isBitwise = node.opType().starts_with("Bitwise");
  const Tensor &lhs =
      isBitwise ? node.input(0, integerTypes()) : node.input(0, DType::Bool);
  expectOneType(node);
  node.setOutput(
      0, compute(node, {lhs, node.input(1)}, [](Scalars &s, ValueRange x) {
        return s.op<OpTy>(x[0], x[1]);
      }));
}

static void importBitShift(Node &node) {
  const Tensor &input =
      node.input(0, {DType::U8, DType::U16, DType::U32, DType::U64});
  expectOneType(node);
  std::string direction = node.getString("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    node.fail("direction is '" + direction + "', expected LEFT or RIGHT");
  auto formula = [&](Scalars &s, ValueRange x) {
    Value shifted = direction == "LEFT" ? s.op<arith::ShLIOp>(x[0], x[1])
                                        : s.op<arith::ShRUIOp>(x[0], x[1]);
    // Nothing is left of a shift by the whole width.
    Value fits = s.less(x[1], s.constant(getBits(s.dtype)));
    return s.select(fits, shifted, s.constant(0));
  };
  node.setOutput(0, compute(node, {input, node.input(1)}, formula));
}

static void importWhere(Node &node) {
  const Tensor &condition = node.input(0, DType::Bool);
  const Tensor &lhs = node.input(1, allTypes()), &rhs = node.input(2);
  if (lhs.dtype != rhs.dtype)
    node.fail("inputs 1 and 2 have different element types");
  node.setOutput(
      0, elementwise(node, {condition, lhs, rhs}, lhs.dtype,
                     [](OpBuilder &builder, Location loc, ValueRange x) {
                       return arith::SelectOp::create(builder, loc, x[0], x[1],
                                                      x[2]);
                     }));
}

ArrayRef<Operator> qnt::onnx::getBinaryOperators() {
  static const Operator operators[] = {
      {"Add", 7, importAdd},
      {"And", 7, importBits<arith::AndIOp>},
      {"BitShift", 11, importBitShift},
      {"BitwiseAnd", 18, importBits<arith::AndIOp>},
      {"BitwiseOr", 18, importBits<arith::OrIOp>},
      {"BitwiseXor", 18, importBits<arith::XOrIOp>},
      {"Div", 7, importDiv},
      {"Equal", 7, importComparison},
      {"Greater", 9, importComparison},
      {"GreaterOrEqual", 12, importComparison},
      {"Less", 9, importComparison},
      {"LessOrEqual", 12, importComparison},
      {"Max", 8, importVariadic},
      {"Mean", 8, importVariadic},
      {"Min", 8, importVariadic},
      {"Mod", 10, importMod},
      {"Mul", 7, importMul},
      {"Or", 7, importBits<arith::OrIOp>},
      {"PRelu", 9, importPRelu},
      {"Pow", 7, importPow},
      {"Sub", 7, importSub},
      {"Sum", 8, importVariadic},
      {"Where", 9, importWhere},
      {"Xor", 7, importBits<arith::XOrIOp>},
  };
  return operators;
}
