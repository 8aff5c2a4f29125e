//===- MatMul.cpp - products of matrices -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MatMul.h"
#include "Quantization.h"
#include "Reductions.h"
#include "Registry.h"

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

std::optional<Tensor> qnt::onnx::linear(Node &node, const Tensor &input,
                                        const Tensor &weight,
                                        const Tensor *bias) {
  if (!weight.constant || weight.getRank() != 2 || input.getRank() < 2 ||
      input.constant || getAccumulator(input.dtype) != DType::F32)
    return std::nullopt;
  const Dim &features = input.dims.back();
  if (features.constant() && features != weight.dims[1])
    node.fail("matrices whose inner dimensions are " +
              node.dims().str(features) + " and " +
              node.dims().str(weight.dims[1]));
  // Layers compute in f32.
  auto parameter = [&](const Tensor &tensor) -> Value {
    Value loaded = node.parameter(tensor);
    if (tensor.dtype == DType::F32)
      return loaded;
    auto type = cast<RankedTensorType>(loaded.getType());
    return arith::ExtFOp::create(node.builder(), node.loc(),
                                 type.clone(node.builder().getF32Type()),
                                 loaded);
  };
  Tensor wide = cast(node, input, DType::F32);
  SmallVector<Dim> shape(wide.dims);
  shape.back() = weight.dims[1];
  Value operand = refine(node, node.value(wide), shape);
  Value w = parameter(weight), offset;
  if (bias)
    offset = bias->dtype == DType::F32
                 ? createBias(node, *bias, input, weight, w)
                 : parameter(*bias);
  Value result =
      nn::LinearOp::create(node.builder(), node.loc(), operand, w, offset);
  shape.back() = weight.dims[0];
  return cast(node, Tensor::ofValue(DType::F32, shape, result), input.dtype);
}

/// The product of matrices of f32, of which leading dimensions broadcast to
/// those of `shape`.
static Tensor matmulLayer(Node &node, const Tensor &lhs, const Tensor &rhs,
                          ArrayRef<Dim> shape) {
  auto load = [&](const Tensor &operand) {
    SmallVector<Dim> refined(operand.dims);
    size_t leading = refined.size() - 2;
    for (auto [dim, known] :
         llvm::zip(llvm::reverse(MutableArrayRef(refined).take_front(leading)),
                   llvm::reverse(shape.drop_back(2))))
      if (dim.constant() != 1)
        dim = known;
    return refine(node, node.value(operand), refined);
  };
  Value left = load(lhs), right = load(rhs);
  // A matrix that was transposed for the product alone is read as it is.
  auto transpose = right.getDefiningOp<linalg::TransposeOp>();
  if (transpose) {
    SmallVector<int64_t> perm =
        llvm::to_vector(llvm::seq<int64_t>(0, rhs.getRank()));
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    if (transpose.getPermutation() != ArrayRef(perm))
      transpose = nullptr;
  }
  if (transpose)
    right = transpose.getInput();
  Value result = nn::MatmulOp::create(node.builder(), node.loc(), left, right,
                                      /*transposed=*/(bool)transpose);
  return Tensor::ofValue(DType::F32, shape, refine(node, result, shape));
}

Tensor qnt::onnx::matmul(Node &node, const Tensor &lhs, const Tensor &rhs,
                         DType accumulator) {
  MLIRContext *context = node.context();
  SmallVector<Dim> shape = broadcast(node, ArrayRef(lhs.dims).drop_back(2),
                                     ArrayRef(rhs.dims).drop_back(2));
  size_t batch = shape.size();
  const Dim &inner = lhs.dims.back(), &other = rhs.dims[rhs.getRank() - 2];
  if (inner != other && inner.constant() && other.constant())
    node.fail("matrices whose inner dimensions are " + node.dims().str(inner) +
              " and " + node.dims().str(other));
  shape.push_back(lhs.dims[lhs.getRank() - 2]);
  shape.push_back(rhs.dims.back());
  if (accumulator == DType::F32 && isFloat(lhs.dtype) && isFloat(rhs.dtype))
    return matmulLayer(node, cast(node, lhs, DType::F32),
                       cast(node, rhs, DType::F32), shape);
  // Loops: batch, rows, columns, inner.
  auto expr = [&](size_t i) { return getAffineDimExpr(i, context); };
  auto mapOf = [&](const Tensor &operand, unsigned row, unsigned column) {
    SmallVector<AffineExpr> exprs;
    size_t rank = operand.getRank(), offset = batch + 2 - rank;
    for (size_t i = 0; i + 2 < rank; ++i)
      exprs.push_back(operand.dims[i].constant() == 1 &&
                              shape[offset + i].constant() != 1
                          ? getAffineConstantExpr(0, context)
                          : expr(offset + i));
    exprs.push_back(expr(batch + row));
    exprs.push_back(expr(batch + column));
    return AffineMap::get(batch + 3, 0, exprs, context);
  };
  SmallVector<AffineExpr> exprs;
  for (size_t i = 0; i < batch + 2; ++i)
    exprs.push_back(expr(i));
  SmallVector<AffineMap> maps = {mapOf(lhs, 0, 2), mapOf(rhs, 2, 1),
                                 AffineMap::get(batch + 3, 0, exprs, context)};
  SmallVector<utils::IteratorType> iterators(batch + 3,
                                             utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
  Type element = onnx::getElementType(accumulator, context);
  Value init = filledTensor(node, shape, scalarAttribute(element, 0));
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(),
      ValueRange{node.value(lhs), node.value(rhs)}, init, maps, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        Scalars s(builder, loc, accumulator);
        Value x = castScalar(builder, loc, args[0], lhs.dtype, accumulator);
        Value y = castScalar(builder, loc, args[1], rhs.dtype, accumulator);
        linalg::YieldOp::create(builder, loc, s.add(args[2], s.mul(x, y)));
      });
  return Tensor::ofValue(accumulator, shape, generic.getResult(0));
}

static void importMatMul(Node &node) {
  Tensor lhs = node.input(0, numberTypes()), rhs = node.input(1);
  expectOneType(node);
  DType dtype = lhs.dtype;
  if (lhs.getRank() == 0 || rhs.getRank() == 0)
    node.fail("expected matrices or vectors, got a scalar");
  if (rhs.getRank() == 2 && rhs.constant)
    if (auto layer = linear(node, lhs, transpose(node, rhs, {1, 0}), nullptr))
      return node.setOutput(0, *layer);
  // Vectors are a row on the left, a column on the right.
  bool isRow = lhs.getRank() == 1, isColumn = rhs.getRank() == 1;
  if (isRow)
    lhs = unsqueeze(node, lhs, 0);
  if (isColumn)
    rhs = unsqueeze(node, rhs, 1);
  Tensor result =
      cast(node, matmul(node, lhs, rhs, getAccumulator(dtype)), dtype);
  SmallVector<Dim> shape(result.dims);
  if (isColumn)
    shape.pop_back();
  if (isRow)
    shape.erase(shape.end() - (isColumn ? 1 : 2));
  node.setOutput(0, reshape(node, result, shape));
}

/// `input` times a factor of the attributes.
static Tensor scale(Node &node, const Tensor &input, double factor) {
  if (factor == 1)
    return input;
  if (isInteger(input.dtype) && factor != std::trunc(factor))
    node.fail("a fractional factor of integers is not supported");
  return compute(node, input, [&](Scalars &s, ValueRange x) {
    return s.mul(x[0], s.constant(factor));
  });
}

static void importGemm(Node &node) {
  Tensor lhs = node.input(0, numberTypes()), rhs = node.input(1);
  expectOneType(node);
  DType dtype = lhs.dtype;
  if (lhs.getRank() != 2 || rhs.getRank() != 2)
    node.fail("expected matrices");
  double alpha = node.getFloat("alpha", 1), beta = node.getFloat("beta", 1);
  if (node.getInt("transA", 0))
    lhs = transpose(node, lhs, {1, 0});
  bool isTransposed = node.getInt("transB", 0);
  bool hasBias = node.hasInput(2) && beta != 0;
  const Dim columns = rhs.dims[isTransposed ? 0 : 1];
  // A bias that is a row belongs to the layer.
  bool isRow = hasBias && node.input(2).constant && alpha == 1 && beta == 1 &&
               node.input(2).countElements() == columns &&
               node.input(2).getRank() > 0 &&
               node.input(2).dims.back() == columns;
  Tensor bias;
  if (isRow)
    bias = reshape(node, node.input(2), columns);
  Tensor result;
  std::optional<Tensor> layer;
  if (rhs.constant)
    layer = linear(node, lhs, isTransposed ? rhs : transpose(node, rhs, {1, 0}),
                   isRow ? &bias : nullptr);
  if (layer && isRow)
    return node.setOutput(0, *layer);
  if (!layer)
    layer = cast(node,
                 matmul(node, lhs,
                        isTransposed ? transpose(node, rhs, {1, 0}) : rhs,
                        getAccumulator(dtype)),
                 dtype);
  result = scale(node, *layer, alpha);
  if (hasBias)
    result =
        compute(node, {result, scale(node, node.input(2), beta)},
                [](Scalars &s, ValueRange x) { return s.add(x[0], x[1]); });
  node.setOutput(0, result);
}

ArrayRef<Operator> qnt::onnx::getMatMulOperators() {
  static const Operator operators[] = {
      {"Gemm", 7, importGemm},
      {"MatMul", 9, importMatMul},
  };
  return operators;
}
