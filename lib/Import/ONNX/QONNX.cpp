//===- QONNX.cpp - quantisers of QONNX and Brevitas -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// These take floats and give floats on a grid (Pappalardo et al. 2022):
// x is divided by the scale, moved by the zero point, clamped, rounded, and
// taken back.
//
//===----------------------------------------------------------------------===//
#include "Quantization.h"
#include "Registry.h"

#include "qnt/Dialect/NN/NN.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

namespace {
struct Grid {
  unsigned bits;
  bool isSigned;
  double least, most;
  std::string rounding;
};
} // namespace

static double readBits(Node &node, size_t i) {
  ConstantRef given = node.constant(i, "the number of bits");
  double bits = given->size() == 1 ? given->toDoubles()[0] : 0;
  if (bits != std::floor(bits) || bits < 1 || bits > 32)
    node.fail("expected one whole number of bits, 1 to 32");
  return bits;
}

static std::string readRounding(Node &node, StringRef missing) {
  std::string mode =
      StringRef(node.getString("rounding_mode", missing)).upper();
  if (!llvm::is_contained(
          {"ROUND", "HALF_EVEN", "CEIL", "FLOOR", "DOWN", "ROUND_TO_ZERO"},
          mode))
    node.fail("rounding_mode '" + mode + "' is not supported");
  return mode;
}

static Value roundScalar(Scalars &s, StringRef mode, Value x) {
  if (mode == "CEIL")
    return s.op<math::CeilOp>(x);
  if (mode == "FLOOR")
    return s.op<math::FloorOp>(x);
  if (mode == "DOWN" || mode == "ROUND_TO_ZERO")
    return s.op<math::TruncOp>(x);
  return s.op<math::RoundEvenOp>(x);
}

static Grid readGrid(Node &node) {
  Grid grid;
  grid.bits = readBits(node, 3);
  grid.isSigned = node.getInt("signed", 1);
  bool isNarrow = node.getInt("narrow", 0);
  grid.rounding = readRounding(node, "ROUND");
  double span = std::ldexp(1.0, grid.bits);
  grid.least = grid.isSigned ? -span / 2 + isNarrow : 0;
  grid.most = grid.isSigned ? span / 2 - 1 : span - 1 - isNarrow;
  return grid;
}

/// Any of them as arithmetic on each element.
static Tensor quantizeElements(Node &node, const Grid &grid) {
  return compute(node, {node.input(0), node.input(1), node.input(2)},
                 [&](Scalars &s, ValueRange x) {
                   Value code = s.add(s.div(x[0], x[1]), x[2]);
                   code = s.min(s.max(code, s.constant(grid.least)),
                                s.constant(grid.most));
                   code = roundScalar(s, grid.rounding, code);
                   return s.mul(s.sub(code, x[2]), x[1]);
                 });
}

/// The only dimension of `scale` that is not 1, against `x`; none for one
/// number. False where there are more.
static bool findScaleAxis(const Tensor &scale, const Tensor &x,
                          std::optional<int64_t> &axis) {
  int64_t offset = x.getRank() - scale.getRank();
  if (offset < 0)
    return false;
  for (auto [i, dim] : llvm::enumerate(scale.dims)) {
    if (dim == Dim(1))
      continue;
    if (axis || dim != x.dims[offset + int64_t(i)])
      return false;
    axis = offset + int64_t(i);
  }
  return true;
}

/// A parameter as the codes that `encode` gives of a number and its scale,
/// which is one for all, or for each index of a dimension; none where it is
/// otherwise.
template <typename Encode>
static std::optional<Tensor> encodeParameter(Node &node, unsigned bits,
                                             bool isSigned, int64_t zero,
                                             Encode encode) {
  const Tensor &x = node.input(0), &scale = node.input(1);
  QuantizedConstant constant;
  if (!x.constant || !scale.constant || !findScaleAxis(scale, x, constant.axis))
    return std::nullopt;
  std::vector<double> numbers = x.constant->toDoubles();
  std::vector<double> scales = scale.constant->toDoubles();
  int64_t inner = 1;
  if (constant.axis)
    inner = onnx::countElements(
        ArrayRef(x.getShape()).drop_front(*constant.axis + 1));
  std::vector<int64_t> codes;
  for (auto [i, number] : llvm::enumerate(numbers))
    codes.push_back(encode(float(number),
                           float(scales[int64_t(i) / inner % scales.size()])));
  constant.codes =
      Constant::ofInts(x.constant->getName(), isSigned ? DType::I8 : DType::U8,
                       x.getShape(), codes);
  constant.bits = bits;
  constant.isSigned = isSigned;
  SmallVector<int64_t> shape;
  if (constant.axis) {
    shape.assign(x.getRank(), 1);
    shape[*constant.axis] = scales.size();
  }
  constant.scales = Constant::reshape(scale.constant, shape);
  constant.zeros = Constant::ofInts("", isSigned ? DType::I8 : DType::U8, shape,
                                    std::vector<int64_t>(scales.size(), zero));
  QuantizedRef simple = simplify(std::move(constant));
  Tensor result = Tensor::ofConstant(simple->decode());
  result.quantized = simple;
  return result;
}

/// A parameter as codes; none where the dialect has no such codes.
static std::optional<Tensor> quantizeParameter(Node &node, const Grid &grid) {
  const Tensor &zero = node.input(2);
  bool fits = zero.constant && zero.constant->size() == 1 && grid.bits <= 8 &&
              !(grid.isSigned && grid.bits == 1) &&
              (grid.rounding == "ROUND" || grid.rounding == "HALF_EVEN");
  double z = fits ? zero.constant->toDoubles()[0] : 0;
  if (!fits || z != std::floor(z) || z < grid.least || z > grid.most)
    return std::nullopt;
  return encodeParameter(
      node, grid.bits, grid.isSigned, int64_t(z), [&](float x, float step) {
        float code = x / step + float(z);
        return int64_t(std::nearbyint(
            std::min(std::max(code, float(grid.least)), float(grid.most))));
      });
}

/// Codes of one positive scale without a zero point, rounded half to even.
static bool isDialectForm(Node &node, const Grid &grid) {
  const Tensor &scale = node.input(1), &zero = node.input(2);
  return scale.constant && scale.constant->size() == 1 && zero.constant &&
         zero.constant->size() == 1 && zero.constant->toDoubles()[0] == 0 &&
         scale.constant->toDoubles()[0] > 0 && grid.bits <= 8 &&
         !(grid.isSigned && grid.bits == 1) &&
         (grid.rounding == "ROUND" || grid.rounding == "HALF_EVEN") &&
         !node.input(0).constant && node.input(0).getRank() > 0;
}

/// IntQuant, which older models call Quant.
static void importQuant(Node &node) {
  Tensor x = node.input(0, DType::F32);
  (void)node.input(1, DType::F32);
  (void)node.input(2, DType::F32);
  Grid grid = readGrid(node);
  if (auto parameter = quantizeParameter(node, grid))
    return node.setOutput(0, *parameter);
  if (!isDialectForm(node, grid))
    return node.setOutput(0, quantizeElements(node, grid));
  float scale = node.input(1).constant->toDoubles()[0];
  double span = std::ldexp(1.0, grid.bits);
  bool isNarrow = grid.most - grid.least < span - 1;
  if (isNarrow)
    x = Tensor::ofValue(DType::F32, x.dims,
                        nn::ClampOp::create(node.builder(), node.loc(),
                                            node.value(x),
                                            APFloat(float(grid.least) * scale),
                                            APFloat(float(grid.most) * scale)));
  node.setOutput(0, encodeAndDecode(node, x, scale, grid.bits, grid.isSigned));
}

/// The sign times the scale; of 0, the scale.
static void importBipolarQuant(Node &node) {
  const Tensor &x = node.input(0, DType::F32);
  const Tensor &scale = node.input(1, DType::F32);
  // Two of the three codes of int2 that have a negative.
  if (auto parameter =
          encodeParameter(node, /*bits=*/2, /*isSigned=*/true, /*zero=*/0,
                          [](float x, float) { return x >= 0 ? 1 : -1; }))
    return node.setOutput(0, *parameter);
  node.setOutput(0, compute(node, {x, scale}, [](Scalars &s, ValueRange y) {
                   return s.select(s.lessOrEqual(s.constant(0), y[0]), y[1],
                                   s.neg(y[1]));
                 }));
}

/// Codes without their lowest bits.
static void importTrunc(Node &node) {
  if (node.numInputs() != 5)
    node.fail("expected an input, a scale, a zero point and two numbers of "
              "bits: other versions are not supported");
  for (size_t i = 0; i < 3; ++i)
    (void)node.input(i, DType::F32);
  double dropped = readBits(node, 3) - readBits(node, 4);
  std::string rounding = readRounding(node, "FLOOR");
  Tensor result = compute(
      node, {node.input(0), node.input(1), node.input(2)},
      [&](Scalars &s, ValueRange x) {
        Value code = s.op<math::RoundEvenOp>(s.add(s.div(x[0], x[1]), x[2]));
        code = roundScalar(s, rounding,
                           s.mul(code, s.constant(std::ldexp(1.0, -dropped))));
        return s.mul(s.sub(code, x[2]), x[1]);
      });
  node.setOutput(0, result);
}

ArrayRef<Operator> qnt::onnx::getQONNXOperators() {
  static constexpr llvm::StringLiteral qonnx = "qonnx.custom_op.general";
  static constexpr llvm::StringLiteral brevitas = "onnx.brevitas";
  static constexpr llvm::StringLiteral old = "inputs of the second version";
  static const Operator operators[] = {
      {"BipolarQuant", 1, importBipolarQuant, "", qonnx},
      {"IntQuant", 1, importQuant, "", qonnx},
      {"Quant", 1, importQuant, "", qonnx},
      {"Trunc", 1, importTrunc, old, qonnx},
      {"BipolarQuant", 1, importBipolarQuant, "", brevitas},
      {"Quant", 1, importQuant, "", brevitas},
      {"Trunc", 1, importTrunc, old, brevitas},
  };
  return operators;
}
