//===- Attention.cpp - attention and rotary positions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MatMul.h"
#include "Reductions.h"
#include "Registry.h"

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

/// [B, T, heads * D] to [B, T, heads, D].
static Tensor splitHeads(Node &node, const Tensor &input, int64_t heads) {
  auto features = input.dims[2].constant();
  if (heads < 1 || !features || *features % heads != 0)
    node.fail("expected features of a fixed number that " +
              std::to_string(heads) + " heads divide");
  SmallVector<Dim> shape = {input.dims[0], input.dims[1], Dim(heads),
                            Dim(*features / heads)};
  return reshape(node, input, shape);
}

namespace {
/// Queries, keys and values as [B, heads, T, D].
struct Heads {
  Tensor query, key, value;
  int64_t queries = 0, keys = 0;
};
} // namespace

static Heads readHeads(Node &node) {
  Heads result;
  Tensor *const tensors[] = {&result.query, &result.key, &result.value};
  auto queries = node.findInt("q_num_heads"),
       keys = node.findInt("kv_num_heads");
  for (size_t i = 0; i < 3; ++i) {
    const Tensor &input = node.input(i, floatTypes());
    auto heads = i == 0 ? queries : keys;
    if (input.getRank() != node.input(0).getRank() ||
        (input.getRank() != 3 && input.getRank() != 4))
      node.fail("expected queries, keys and values of rank 3 or 4");
    if (input.getRank() == 3 && !heads)
      node.fail("the numbers of heads are missing");
    *tensors[i] =
        input.getRank() == 4
            ? input
            : transpose(node, splitHeads(node, input, *heads), {0, 2, 1, 3});
  }
  auto number = [&](const Tensor &tensor) {
    auto heads = tensor.dims[1].constant();
    if (!heads || *heads < 1)
      node.fail("expected a fixed number of heads");
    return *heads;
  };
  result.queries = number(result.query);
  result.keys = number(result.key);
  if (result.queries % result.keys != 0 || number(result.value) != result.keys)
    node.fail("heads of queries must be a multiple of those of keys and "
              "values");
  return result;
}

/// Keys or values after those of earlier calls, along the tokens.
static Tensor appendTo(Node &node, size_t past, const Tensor &tensor) {
  if (!node.hasInput(past))
    return tensor;
  const Tensor &before = node.input(past, tensor.dtype);
  if (before.getRank() != 4)
    node.fail(node.describe(past) + ": expected rank 4");
  SmallVector<Dim> shape(tensor.dims);
  shape[2] = before.dims[2] + tensor.dims[2];
  Value value = tensor::ConcatOp::create(
      node.builder(), node.loc(), /*dim=*/2,
      ValueRange{node.value(before), node.value(tensor)});
  return Tensor::ofValue(tensor.dtype, shape, refine(node, value, shape));
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// nn.attention, for what it can say.
static bool importLayer(Node &node, double scale, bool isCausal) {
  const Tensor &query = node.input(0);
  bool isPlain = query.dtype == DType::F32 && query.getRank() == 3;
  for (size_t i = 3; i < node.numInputs(); ++i)
    isPlain &= !node.hasInput(i);
  for (size_t i = 1; i < node.numOutputs(); ++i)
    isPlain &= !node.wantsOutput(i);
  if (!isPlain || !llvm::equal(node.input(1).dims, node.input(2).dims))
    return false;
  int64_t heads = node.getInt("q_num_heads", 1);
  int64_t keyHeads = node.getInt("kv_num_heads", 1);
  auto features = query.dims[2].constant(),
       keyFeatures = node.input(1).dims[2].constant();
  if (!features || !keyFeatures || *features % heads != 0 ||
      *keyFeatures % keyHeads != 0 ||
      *features / heads != *keyFeatures / keyHeads)
    return false;
  OpBuilder &builder = node.builder();
  Value value = nn::AttentionOp::create(
      builder, node.loc(), query.getType(node.context()), node.value(query),
      node.value(node.input(1)), node.value(node.input(2)),
      /*lengths=*/Value(), /*cache=*/Value(), /*start=*/Value(),
      /*layer=*/IntegerAttr(), builder.getI64IntegerAttr(heads),
      builder.getI64IntegerAttr(keyHeads), builder.getF64FloatAttr(scale),
      isCausal ? builder.getUnitAttr() : UnitAttr(), /*window=*/IntegerAttr());
  node.setOutput(0, Tensor::ofValue(DType::F32, query.dims, value));
  return true;
}

/// Scores [B, heads, T, S] with minus infinity where a token may not look.
static Tensor applyMask(Node &node, const Tensor &scores, bool isCausal) {
  TypedAttr least = lowest(node.context(), scores.dtype);
  if (isCausal)
    return elementwise(
        node, scores, scores.dtype,
        [&](OpBuilder &builder, Location loc, ValueRange x) {
          Value row = linalg::IndexOp::create(builder, loc, 2);
          Value column = linalg::IndexOp::create(builder, loc, 3);
          Value isSeen = arith::CmpIOp::create(
              builder, loc, arith::CmpIPredicate::sle, column, row);
          Value never = arith::ConstantOp::create(builder, loc, least);
          return arith::SelectOp::create(builder, loc, isSeen, x[0], never);
        });
  if (!node.hasInput(3))
    return scores;
  const Tensor &mask = node.input(3);
  if (mask.dtype != DType::Bool)
    return compute(node, {scores, cast(node, mask, scores.dtype)},
                   [](Scalars &s, ValueRange x) { return s.add(x[0], x[1]); });
  return elementwise(
      node, {scores, mask}, scores.dtype,
      [&](OpBuilder &builder, Location loc, ValueRange x) {
        Value never = arith::ConstantOp::create(builder, loc, least);
        return arith::SelectOp::create(builder, loc, x[1], x[0], never);
      });
}

static Tensor applyFactor(Node &node, const Tensor &input, double factor) {
  return compute(node, input, [&](Scalars &s, ValueRange x) {
    return s.mul(x[0], s.constant(factor));
  });
}

static void importAttention(Node &node) {
  Heads heads = readHeads(node);
  auto size = heads.query.dims[3].constant();
  if (!size)
    node.fail("expected heads of a fixed size");
  double scale = node.getFloat("scale", 1 / std::sqrt(double(*size)));
  double cap = node.getFloat("softcap", 0);
  bool isCausal = node.getInt("is_causal", 0);
  int64_t mode = node.getInt("qk_matmul_output_mode", 0);
  if (auto precision = node.findInt("softmax_precision"))
    if (*precision != int64_t(DType::F32))
      node.fail("softmax_precision other than f32 is not supported");
  if (isCausal && (node.hasInput(3) || node.hasInput(4)))
    node.fail("is_causal beside a mask or past keys is not supported");
  if (cap == 0 && importLayer(node, scale, isCausal))
    return;
  Tensor keys = appendTo(node, 4, heads.key);
  Tensor values = appendTo(node, 5, heads.value);
  DType dtype = heads.query.dtype, wide = getAccumulator(dtype);
  // [B, keys, queries / keys, T, D]: the heads of queries that share keys.
  int64_t group = heads.queries / heads.keys;
  auto grouped = [&](const Tensor &tensor, int64_t shared) {
    SmallVector<Dim> shape(tensor.dims);
    shape[1] = heads.keys;
    shape.insert(shape.begin() + 2, Dim(shared));
    return reshape(node, tensor, shape);
  };
  auto ungrouped = [&](const Tensor &tensor) {
    SmallVector<Dim> shape(tensor.dims);
    shape.erase(shape.begin() + 2);
    shape[1] = heads.queries;
    return reshape(node, tensor, shape);
  };
  Tensor products =
      matmul(node, grouped(heads.query, group),
             transpose(node, grouped(keys, 1), {0, 1, 2, 4, 3}), wide);
  Tensor scores = applyFactor(node, ungrouped(products), scale);
  Tensor stages[4];
  stages[0] = scores;
  stages[1] = scores = applyMask(node, scores, isCausal);
  if (cap != 0)
    scores = compute(node, scores, [&](Scalars &s, ValueRange x) {
      Value limit = s.constant(cap);
      return s.mul(s.op<math::TanhOp>(s.div(x[0], limit)), limit);
    });
  stages[2] = scores;
  stages[3] = scores = softmax(node, scores, 3);
  Tensor result =
      ungrouped(matmul(node, grouped(scores, group), grouped(values, 1), wide));
  if (node.input(0).getRank() == 3) {
    result = transpose(node, result, {0, 2, 1, 3});
    SmallVector<Dim> shape = {result.dims[0], result.dims[1],
                              result.dims[2] * result.dims[3]};
    result = reshape(node, result, shape);
  }
  node.setOutput(0, cast(node, result, dtype));
  node.setOutput(1, keys);
  node.setOutput(2, values);
  if (mode < 0 || mode > 3)
    node.fail("qk_matmul_output_mode is " + std::to_string(mode));
  node.setOutput(3, cast(node, stages[mode], dtype));
}

//===----------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------===//

namespace {
/// Where the elements of [B, T, heads, D] find what they are rotated with.
struct Rotation {
  int64_t features;
  bool isInterleaved;
  Value input, cosines, sines, positions;
};
} // namespace

/// The rotated element at the loop's place.
static Value rotate(OpBuilder &builder, Location loc, const Rotation &rotation,
                    Value x, DType dtype) {
  Scalars s(builder, loc, dtype);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto isBelow = [&](Value value, int64_t limit) {
    return s.op<arith::CmpIOp>(arith::CmpIPredicate::slt, value,
                               constant(limit));
  };
  SmallVector<Value> at;
  for (int64_t i = 0; i < 4; ++i)
    at.push_back(linalg::IndexOp::create(builder, loc, i));
  int64_t half = rotation.features / 2;
  // Features beyond the rotated ones read in bounds and are left as they are.
  Value isRotated = isBelow(at[3], rotation.features);
  Value place = s.op<arith::SelectOp>(isRotated, at[3], constant(0));
  Value isFirst, angle, partner;
  if (rotation.isInterleaved) {
    Value odd = s.op<arith::RemSIOp>(place, constant(2));
    isFirst = isBelow(odd, 1);
    angle = s.op<arith::DivSIOp>(place, constant(2));
    partner =
        s.op<arith::SelectOp>(isFirst, s.op<arith::AddIOp>(place, constant(1)),
                              s.op<arith::SubIOp>(place, constant(1)));
  } else {
    isFirst = isBelow(place, half);
    angle = s.op<arith::RemSIOp>(place, constant(half));
    partner = s.op<arith::SelectOp>(isFirst,
                                    s.op<arith::AddIOp>(place, constant(half)),
                                    s.op<arith::SubIOp>(place, constant(half)));
  }
  SmallVector<Value> row = {at[0], at[1], angle};
  if (rotation.positions) {
    Value position = tensor::ExtractOp::create(builder, loc, rotation.positions,
                                               ValueRange{at[0], at[1]});
    row = {s.op<arith::IndexCastOp>(builder.getIndexType(), position), angle};
  }
  Value cosine = tensor::ExtractOp::create(builder, loc, rotation.cosines, row);
  Value sine = tensor::ExtractOp::create(builder, loc, rotation.sines, row);
  Value other = tensor::ExtractOp::create(
      builder, loc, rotation.input, ValueRange{at[0], at[1], at[2], partner});
  Value along = s.mul(x, cosine), across = s.mul(other, sine);
  Value rotated = s.select(isFirst, s.sub(along, across), s.add(along, across));
  return s.select(isRotated, rotated, x);
}

static void importRotaryEmbedding(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  bool hasHeads = input.getRank() == 4;
  int64_t heads = node.getInt("num_heads", 0);
  if (!hasHeads && input.getRank() != 3)
    node.fail("expected an input of rank 3 or 4");
  DType wide = getAccumulator(input.dtype);
  Tensor x = hasHeads ? transpose(node, input, {0, 2, 1, 3})
                      : splitHeads(node, input, heads);
  x = cast(node, x, wide);
  Rotation rotation;
  auto size = x.dims[3].constant();
  rotation.features = node.getInt("rotary_embedding_dim", 0);
  if (size && rotation.features == 0)
    rotation.features = *size;
  rotation.isInterleaved = node.getInt("interleaved", 0);
  if (!size || rotation.features < 2 || rotation.features % 2 != 0 ||
      rotation.features > *size)
    node.fail("expected heads of a fixed size, and an even number of rotated "
              "features");
  bool hasPositions = node.hasInput(3);
  for (size_t i = 1; i < 3; ++i)
    if (node.input(i, floatTypes()).getRank() != (hasPositions ? 2 : 3))
      node.fail(node.describe(i) + ": expected rank " +
                (hasPositions ? "2" : "3"));
  rotation.input = node.value(x);
  rotation.cosines = node.value(cast(node, node.input(1), wide));
  rotation.sines = node.value(cast(node, node.input(2), wide));
  if (hasPositions)
    rotation.positions = node.value(node.input(3, DType::I64));
  Tensor result = elementwise(
      node, x, wide, [&](OpBuilder &builder, Location loc, ValueRange args) {
        return rotate(builder, loc, rotation, args[0], wide);
      });
  result = cast(node, result, input.dtype);
  node.setOutput(0, hasHeads ? transpose(node, result, {0, 2, 1, 3})
                             : reshape(node, result, input.dims));
}

ArrayRef<Operator> qnt::onnx::getAttentionOperators() {
  static const Operator operators[] = {
      {"Attention", 23, importAttention,
       "is_causal beside a mask or past keys; softmax_precision other than "
       "f32"},
      {"RotaryEmbedding", 23, importRotaryEmbedding},
  };
  return operators;
}
