//===- Contrib.cpp - operators of ONNX Runtime's own domain -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerParts.h"
#include "MatMul.h"
#include "Quantized.h"
#include "Registry.h"
#include "Scalars.h"

#include "qnt/Dialect/NN/NN.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// MatMulNBits
//===----------------------------------------------------------------------===//

/// Numbers of `bits` bits, the lowest first in every byte: `count` of each of
/// `rows` rows of `stride` bytes.
static ConstantRef unpack(const ConstantRef &packed, unsigned bits,
                          int64_t rows, int64_t stride, int64_t count) {
  return Constant::create(
      packed->getName(), DType::U8, {rows, count},
      [packed, bits, rows, stride, count] {
        Constant::Bytes bytes = packed->bytes();
        std::shared_ptr<char[]> codes(new char[rows * count + 1]);
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t i = 0; i < count; ++i) {
            auto byte = uint8_t(bytes.get()[row * stride + i * bits / 8]);
            codes[row * count + i] =
                char((byte >> (i * bits % 8)) & ((1u << bits) - 1));
          }
        return Constant::Bytes(codes, codes.get());
      });
}

/// The zero points [N, blocks]; null for the middle of the codes.
static ConstantRef readZeros(Node &node, unsigned bits, int64_t rows,
                             int64_t blocks) {
  if (!node.hasInput(3))
    return Constant::ofInts(
        "", DType::U8, {rows, blocks},
        std::vector<int64_t>(rows * blocks, int64_t(1) << (bits - 1)));
  ConstantRef given = node.constant(3, "the zero points");
  if (given->getDType() == DType::U8) {
    int64_t stride = (blocks * bits + 7) / 8;
    if (given->size() != rows * stride)
      node.fail(node.describe(3) + " has " + std::to_string(given->size()) +
                " bytes, expected " + std::to_string(rows * stride));
    return unpack(given, bits, rows, stride, blocks);
  }
  if (!isFloat(given->getDType()) || given->size() != rows * blocks)
    node.fail(node.describe(3) + ": expected bytes, or a float for each block");
  std::vector<int64_t> zeros;
  for (double zero : given->toDoubles()) {
    if (zero != std::floor(zero) || zero < 0 || zero >= (1 << bits))
      node.fail("a zero point of " + std::to_string(zero) +
                " that is no code is not supported");
    zeros.push_back(zero);
  }
  return Constant::ofInts("", DType::U8, {rows, blocks}, zeros);
}

static void importMatMulNBits(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  int64_t inner = node.getInt("K", 0), rows = node.getInt("N", 0);
  int64_t bits = node.getInt("bits", 4), block = node.getInt("block_size", 0);
  (void)node.getInt("accuracy_level", 0);
  node.expectInt("weight_prepacked", 0);
  if (node.hasInput(4))
    node.fail("an order of groups (g_idx) is not supported");
  if ((bits != 2 && bits != 4 && bits != 8) || block < 16 ||
      (block & (block - 1)) || block > (1 << 20) || inner < 1 || rows < 1 ||
      inner > INT32_MAX || rows > INT32_MAX)
    node.fail(
        "expected positive K and N, 2, 4 or 8 bits, and a block_size that "
        "is a power of two of at least 16");
  int64_t blocks = (inner + block - 1) / block;
  int64_t stride = blocks * block * bits / 8;
  ConstantRef packed = node.constant(1, "the weight");
  if (packed->getDType() != DType::U8 || packed->size() != rows * stride)
    node.fail(node.describe(1) + ": expected " + std::to_string(rows * stride) +
              " bytes");
  ConstantRef scales =
      Constant::cast(node.constant(2, "the scales"), DType::F32);
  if (scales->size() != rows * blocks)
    node.fail(node.describe(2) + " has " + std::to_string(scales->size()) +
              " numbers, expected " + std::to_string(rows * blocks));
  QuantizedConstant constant;
  constant.codes = unpack(packed, bits, rows, stride, inner);
  constant.bits = bits;
  constant.isSigned = false;
  constant.scales = Constant::reshape(scales, {rows, blocks});
  constant.zeros = readZeros(node, bits, rows, blocks);
  constant.axis = 1;
  constant.block = block;
  QuantizedRef simple = simplify(std::move(constant));
  Tensor weight = Tensor::ofConstant(simple->decode());
  weight.quantized = simple;
  const Tensor *bias = node.hasInput(5) ? &node.input(5) : nullptr;
  if (bias &&
      (!bias->constant || bias->getRank() != 1 || bias->dims[0] != Dim(rows)))
    node.fail("expected a known bias of " + std::to_string(rows) + " numbers");
  auto layer = linear(node, input, weight, bias);
  if (!layer)
    node.fail("an input of rank 1, in f64, or known when importing is not "
              "supported");
  node.setOutput(0, *layer);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

static Tensor activate(Node &node, nn::ActivationKind kind, const Tensor &x) {
  Tensor wide = cast(node, x, DType::F32);
  Value value = nn::ActivationOp::create(node.builder(), node.loc(), kind,
                                         node.value(wide));
  return cast(node, Tensor::ofValue(DType::F32, x.dims, value), x.dtype);
}

/// Gelu, BiasGelu, FastGelu.
static void importGelu(Node &node) {
  static constexpr DType types[] = {DType::F32, DType::F16, DType::BF16};
  Tensor x = node.input(0, types);
  if (node.hasInput(1))
    x = add(node, x, node.input(1, x.dtype));
  auto kind = node.opType() == "FastGelu" ? nn::ActivationKind::GeluTanh
                                          : nn::ActivationKind::Gelu;
  node.setOutput(0, activate(node, kind, x));
}

static void importQuickGelu(Node &node) {
  double alpha = node.getFloat("alpha", 1.702);
  node.setOutput(0, compute(node, node.input(0, floatTypes()),
                            [&](Scalars &s, ValueRange x) {
                              Value power =
                                  s.exp(s.mul(x[0], s.constant(-alpha)));
                              return s.div(x[0], s.add(s.constant(1), power));
                            }));
}

//===----------------------------------------------------------------------===//
// Norms of sums
//===----------------------------------------------------------------------===//

static void expectRow(Node &node, size_t i, const Tensor &x) {
  if (node.input(i, x.dtype).getRank() != 1 ||
      node.input(i).dims[0] != x.dims.back())
    node.fail(node.describe(i) +
              ": expected one number for each of the last dimension");
}

/// A norm of `x` over its last dimension, with the inputs `gamma` and, where
/// `beta` is not 0, `beta`.
static Tensor norm(Node &node, const Tensor &x, size_t gamma, size_t beta,
                   bool isRoot) {
  if (x.dtype != DType::F32 || !x.dims.back().constant())
    node.fail("expected f32 with a last dimension that is known");
  expectRow(node, gamma, x);
  APFloat eps(double(node.getFloat("epsilon", isRoot ? 1e-6 : 1e-12)));
  Value input = node.value(x), scale = node.parameter(node.input(gamma));
  if (isRoot)
    return Tensor::ofValue(DType::F32, x.dims,
                           nn::RMSNormOp::create(node.builder(), node.loc(),
                                                 input, scale, 1, eps));
  Tensor shift = Tensor::ofConstant(
      Constant::ofFloats("", DType::F32, *x.dims.back().constant(),
                         std::vector<double>(*x.dims.back().constant(), 0)));
  if (beta && node.hasInput(beta)) {
    expectRow(node, beta, x);
    shift = node.input(beta);
  }
  return Tensor::ofValue(DType::F32, x.dims,
                         nn::LayerNormOp::create(node.builder(), node.loc(),
                                                 input, scale,
                                                 node.parameter(shift), eps));
}

/// SkipLayerNormalization, SkipSimplifiedLayerNormalization.
static void importSkipNorm(Node &node) {
  bool isRoot = node.opType() == "SkipSimplifiedLayerNormalization";
  Tensor sum = add(node, node.input(0, DType::F32), node.input(1, DType::F32));
  size_t bias = isRoot ? 3 : 4;
  if (node.hasInput(bias))
    sum = add(node, sum, node.input(bias, DType::F32));
  node.setOutput(0, norm(node, sum, 2, isRoot ? 0 : 3, isRoot));
  node.setOutput(3, sum);
}

static void importSimplifiedNorm(Node &node) {
  const Tensor &input = node.input(0, DType::F32);
  if (node.normalizeAxis(node.getInt("axis", -1), input.getRank()) !=
      input.getRank() - 1)
    node.fail("an axis other than the last is not supported");
  node.expectInt("stash_type", 1);
  node.setOutput(0, norm(node, input, 1, 0, /*isRoot=*/true));
}

ArrayRef<Operator> qnt::onnx::getContribOperators() {
  static constexpr llvm::StringLiteral ms = "com.microsoft";
  static constexpr llvm::StringLiteral f32 = "other types than f32";
  static const Operator operators[] = {
      {"BiasGelu", 1, importGelu, "f64", ms},
      {"FastGelu", 1, importGelu, "f64", ms},
      {"Gelu", 1, importGelu, "f64", ms},
      {"MatMulNBits", 1, importMatMulNBits,
       "g_idx, prepacked weights, zero points that are fractions", ms},
      {"QuickGelu", 1, importQuickGelu, "", ms},
      {"SimplifiedLayerNormalization", 1, importSimplifiedNorm, f32},
      {"SkipLayerNormalization", 1, importSkipNorm, f32, ms},
      {"SkipSimplifiedLayerNormalization", 1, importSkipNorm, f32, ms},
  };
  return operators;
}
