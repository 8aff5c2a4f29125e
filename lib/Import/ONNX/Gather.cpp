//===- Gather.cpp - elements at indices known at run time -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Indices outside a dimension are undefined in ONNX; here they read its last or
// first element, and write nothing.
//
//===----------------------------------------------------------------------===//
#include "Loops.h"
#include "Registry.h"

#include "qnt/Dialect/NN/NN.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

static const Tensor &getIndices(Node &node) {
  return node.input(1, {DType::I32, DType::I64});
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

/// One index that is known: a part of the input.
static Tensor selectOne(Node &node, const Tensor &input, int64_t axis,
                        int64_t index) {
  Dim size = input.dims[axis];
  if (size.constant() &&
      (index < -*size.constant() || index >= *size.constant()))
    node.fail("index " + std::to_string(index) + " of a dimension of size " +
              node.dims().str(size));
  SmallVector<Dim> offsets(input.getRank(), Dim(0)), sizes(input.dims);
  offsets[axis] = index < 0 ? size + Dim(index) : Dim(index);
  sizes[axis] = 1;
  Tensor part = slice(node, input, offsets, sizes,
                      SmallVector<int64_t>(input.getRank(), 1));
  sizes.erase(sizes.begin() + axis);
  return reshape(node, part, sizes);
}

/// Rows of a table of parameters: nn.embedding, with ids inside the table.
static Tensor embed(Node &node, const Tensor &table, const Tensor &indices) {
  LoopSize rows(node, table.dims[0]);
  Tensor ids = elementwise(
      node, indices, DType::I32,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        LoopBody body(builder, loc);
        return body.fromIndex(
            body.wrapNegative(body.toIndex(args[0], indices.dtype), rows),
            DType::I32);
      });
  auto op = nn::EmbeddingOp::create(node.builder(), node.loc(), node.value(ids),
                                    node.parameter(table));
  SmallVector<Dim> shape(indices.dims);
  shape.push_back(table.dims[1]);
  return Tensor::ofValue(DType::F32, shape, op.getResult());
}

static void importGather(Node &node) {
  const Tensor &input = node.input(0), &indices = getIndices(node);
  int64_t rank = input.getRank();
  int64_t axis = node.normalizeAxis(node.getInt("axis", 0), rank);
  if (input.dims[axis] == Dim(0) && indices.countElements() != Dim(0))
    node.fail("indices of a dimension of size 0");
  if (indices.constant && indices.getRank() == 0)
    return node.setOutput(
        0, selectOne(node, input, axis, indices.constant->toInts()[0]));
  if (input.isParameter() && input.dtype == DType::F32 && rank == 2 &&
      axis == 0 && input.dims[1] != Dim(0) && indices.getRank() > 0 &&
      input.dims[0].constant().value_or(0) <= INT32_MAX)
    return node.setOutput(0, embed(node, input, indices));
  Source source(node, input), places(node, indices);
  SmallVector<Dim> shape(input.dims.begin(), input.dims.begin() + axis);
  llvm::append_range(shape, indices.dims);
  shape.append(input.dims.begin() + axis + 1, input.dims.end());
  node.setOutput(0,
                 generate(node, input.dtype, shape, [&](const LoopBody &body) {
                   SmallVector<Value> place, at;
                   int64_t loop = 0;
                   for (; loop < axis; ++loop)
                     at.push_back(body.index(loop));
                   for (int64_t i = 0; i < indices.getRank(); ++i)
                     place.push_back(body.index(loop++));
                   at.push_back(body.wrapNegative(
                       body.toIndex(body.read(places, place), indices.dtype),
                       source.sizes[axis]));
                   for (int64_t i = axis + 1; i < rank; ++i)
                     at.push_back(body.index(loop++));
                   return body.read(source, at);
                 }));
}

static void importGatherElements(Node &node) {
  const Tensor &input = node.input(0), &indices = getIndices(node);
  int64_t rank = input.getRank();
  int64_t axis = node.normalizeAxis(node.getInt("axis", 0), rank);
  if (indices.getRank() != rank)
    node.fail("expected indices of rank " + std::to_string(rank));
  Source source(node, input), places(node, indices);
  node.setOutput(
      0, generate(node, input.dtype, indices.dims, [&](const LoopBody &body) {
        SmallVector<Value> at;
        for (int64_t i = 0; i < rank; ++i)
          at.push_back(body.index(i));
        Value place = body.read(places, at);
        // The other dimensions may be smaller in the indices alone.
        for (int64_t i = 0; i < rank; ++i)
          if (i != axis && input.dims[i] != indices.dims[i])
            at[i] = body.clamp(at[i], source.sizes[i]);
        at[axis] = body.wrapNegative(body.toIndex(place, indices.dtype),
                                     source.sizes[axis]);
        return body.read(source, at);
      }));
}

static void importGatherND(Node &node) {
  const Tensor &input = node.input(0), &indices = getIndices(node);
  int64_t rank = input.getRank(), outer = indices.getRank() - 1;
  int64_t batch = node.getInt("batch_dims", 0);
  int64_t depth = outer < 0 ? 0 : indices.dims[outer].constant().value_or(0);
  if (batch < 0 || batch > outer || depth < 1 || batch + depth > rank)
    node.fail("expected indices whose last dimension is known, at least 1 and "
              "at most the input's rank less batch_dims");
  Source source(node, input), places(node, indices);
  SmallVector<Dim> shape(indices.dims.begin(), indices.dims.end() - 1);
  shape.append(input.dims.begin() + batch + depth, input.dims.end());
  node.setOutput(0,
                 generate(node, input.dtype, shape, [&](const LoopBody &body) {
                   SmallVector<Value> place, at;
                   for (int64_t i = 0; i < outer; ++i)
                     place.push_back(body.index(i));
                   for (int64_t i = 0; i < batch; ++i)
                     at.push_back(body.clamp(place[i], source.sizes[i]));
                   for (int64_t i = 0; i < depth; ++i) {
                     SmallVector<Value> here = place;
                     here.push_back(body.constant(i));
                     at.push_back(body.wrapNegative(
                         body.toIndex(body.read(places, here), indices.dtype),
                         source.sizes[batch + i]));
                   }
                   for (int64_t i = batch + depth; i < rank; ++i)
                     at.push_back(body.index(outer + i - batch - depth));
                   return body.read(source, at);
                 }));
}

//===----------------------------------------------------------------------===//
// Scatter
//===----------------------------------------------------------------------===//

/// What becomes of an element that an update meets.
static Value combine(Scalars &s, StringRef reduction, Value old, Value update) {
  if (reduction == "add")
    return s.dtype == DType::Bool ? s.max(old, update) : s.add(old, update);
  if (reduction == "mul")
    return s.dtype == DType::Bool ? s.min(old, update) : s.mul(old, update);
  if (reduction == "max")
    return s.max(old, update);
  if (reduction == "min")
    return s.min(old, update);
  return update;
}

static std::string readReduction(Node &node) {
  std::string reduction = node.getString("reduction", "none");
  if (!llvm::is_contained({"none", "add", "mul", "max", "min"}, reduction))
    node.fail("attribute 'reduction' is '" + reduction +
              "', expected none, add, mul, max or min");
  return reduction;
}

/// Each element of `input` meets all `count` updates in order: `body` gives
/// that of an index and whether it is for this element.
static void
scatter(Node &node, const Tensor &input, const Dim &count,
        function_ref<std::pair<Value, Value>(const LoopBody &, Value)> body) {
  std::string reduction = readReduction(node);
  int64_t rank = input.getRank();
  Source source(node, input);
  Type element = onnx::getElementType(input.dtype, node.context());
  // The element itself comes first, then the updates.
  node.setOutput(
      0, accumulate(node, input.dtype, input.dims, count + Dim(1),
                    scalarAttribute(element, 0),
                    [&](const LoopBody &loop, Value sofar) {
                      SmallVector<Value> at;
                      for (int64_t i = 0; i < rank; ++i)
                        at.push_back(loop.index(i));
                      Value step = loop.index(rank), zero = loop.constant(0);
                      auto [update, isHit] =
                          body(loop, loop.max(loop.add(step, -1), zero));
                      Scalars s = loop.scalars(input.dtype);
                      Value next = s.select(
                          isHit, combine(s, reduction, sofar, update), sofar);
                      return s.select(loop.equal(step, zero),
                                      loop.read(source, at), next);
                    }));
}

/// A negative index counts from the end.
static Value fromEnd(const LoopBody &body, Value index, const LoopSize &size) {
  return body.select(body.less(index, body.constant(0)),
                     body.add(index, body.size(size)), index);
}

static void importScatterElements(Node &node) {
  const Tensor &input = node.input(0), &indices = getIndices(node);
  const Tensor &updates = node.input(2, input.dtype);
  int64_t rank = input.getRank();
  int64_t axis = node.normalizeAxis(node.getInt("axis", 0), rank);
  if (indices.getRank() != rank || updates.getRank() != rank ||
      !llvm::equal(indices.dims, updates.dims))
    node.fail("expected indices and updates of one shape, of rank " +
              std::to_string(rank));
  Source places(node, indices), values(node, updates);
  LoopSize size(node, input.dims[axis]);
  scatter(node, input, indices.dims[axis], [&](const LoopBody &body, Value q) {
    SmallVector<Value> at;
    Value isHit;
    for (int64_t i = 0; i < rank; ++i) {
      at.push_back(i == axis ? q : body.index(i));
      if (i != axis && input.dims[i] != indices.dims[i]) {
        isHit = body.both(isHit, body.isWithin(at[i], places.sizes[i]));
        at[i] = body.clamp(at[i], places.sizes[i]);
      }
    }
    Value target =
        fromEnd(body, body.toIndex(body.read(places, at), indices.dtype), size);
    isHit = body.both(isHit, body.equal(target, body.index(axis)));
    return std::pair(body.read(values, at), isHit);
  });
}

static void importScatterND(Node &node) {
  const Tensor &input = node.input(0), &indices = getIndices(node);
  const Tensor &updates = node.input(2, input.dtype);
  int64_t rank = input.getRank(), outer = indices.getRank() - 1;
  int64_t depth = outer < 0 ? 0 : indices.dims[outer].constant().value_or(0);
  if (depth < 1 || depth > rank || updates.getRank() != outer + rank - depth)
    node.fail("expected indices whose last dimension is known and at most the "
              "input's rank, and updates of the shape that they give");
  for (int64_t i = 0; i < updates.getRank(); ++i)
    if (updates.dims[i] !=
        (i < outer ? indices.dims[i] : input.dims[i - outer + depth]))
      node.fail("updates have size " + node.dims().str(updates.dims[i]) +
                " in dimension " + std::to_string(i) +
                ", other than indices and input");
  // The updates one after the other.
  Dim count = 1;
  for (int64_t i = 0; i < outer; ++i)
    count = count * indices.dims[i];
  SmallVector<Dim> shape = {count};
  shape.append(input.dims.begin() + depth, input.dims.end());
  Source places(node, reshape(node, indices, {count, Dim(depth)}));
  Source values(node, reshape(node, updates, shape));
  SmallVector<LoopSize> sizes;
  for (const Dim &dim : input.dims)
    sizes.emplace_back(node, dim);
  scatter(node, input, count, [&](const LoopBody &body, Value q) {
    SmallVector<Value> at = {q};
    Value isHit;
    for (int64_t i = 0; i < depth; ++i) {
      Value place = body.read(places, {q, body.constant(i)});
      Value target =
          fromEnd(body, body.toIndex(place, indices.dtype), sizes[i]);
      isHit = body.both(isHit, body.equal(target, body.index(i)));
    }
    for (int64_t i = depth; i < rank; ++i)
      at.push_back(body.index(i));
    return std::pair(body.read(values, at), isHit);
  });
}

ArrayRef<Operator> qnt::onnx::getGatherOperators() {
  static const Operator operators[] = {
      {"Gather", 1, importGather},
      {"GatherElements", 11, importGatherElements},
      {"GatherND", 11, importGatherND},
      {"ScatterElements", 11, importScatterElements},
      {"ScatterND", 11, importScatterND},
  };
  return operators;
}
