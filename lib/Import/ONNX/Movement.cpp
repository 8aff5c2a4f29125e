//===- Movement.cpp - shapes and order of elements -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerParts.h"
#include "Loops.h"
#include "Registry.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Transpose
//===----------------------------------------------------------------------===//

static void importTranspose(Node &node) {
  const Tensor &input = node.input(0);
  int64_t rank = input.getRank();
  SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::reverse(perm.begin(), perm.end());
  if (auto given = node.findInts("perm")) {
    if (int64_t(given->size()) != rank)
      node.fail("attribute 'perm' has " + std::to_string(given->size()) +
                " numbers, expected " + std::to_string(rank));
    for (auto [place, dim] : llvm::zip_equal(perm, *given))
      place = node.normalizeAxis(dim, rank);
    (void)node.normalizeAxes(perm, rank);
  }
  node.setOutput(0, transpose(node, input, perm));
}

static void importDepthToSpace(Node &node) {
  const Tensor &input = node.input(0);
  int64_t block = node.getInt("blocksize", 0);
  std::string mode = node.getString("mode", "DCR");
  int64_t channels =
      input.getRank() == 4 ? input.dims[1].constant().value_or(0) : 0;
  if (block < 1 || block > 65536 || channels % (block * block) != 0 ||
      channels == 0 || (mode != "DCR" && mode != "CRD"))
    node.fail("expected images of rank 4 with a known number of channels that "
              "blocksize squared divides, and mode DCR or CRD");
  Dim size(block), rest(channels / (block * block));
  const auto &dims = input.dims;
  Tensor split, moved;
  if (mode == "DCR") {
    split = reshape(node, input, {dims[0], size, size, rest, dims[2], dims[3]});
    moved = transpose(node, split, {0, 3, 4, 1, 5, 2});
  } else {
    split = reshape(node, input, {dims[0], rest, size, size, dims[2], dims[3]});
    moved = transpose(node, split, {0, 1, 4, 2, 5, 3});
  }
  node.setOutput(
      0, reshape(node, moved, {dims[0], rest, dims[2] * size, dims[3] * size}));
}

static void importSpaceToDepth(Node &node) {
  const Tensor &input = node.input(0);
  int64_t block = node.getInt("blocksize", 0);
  if (input.getRank() != 4 || block < 1 || block > 65536)
    node.fail("expected images of rank 4 and a positive blocksize");
  const auto &dims = input.dims;
  Dim size(block);
  SmallVector<Dim> blocks;
  for (int64_t i : {2, 3}) {
    auto count = dims[i].divideExactly(size);
    if (!count)
      node.fail("cannot tell whether blocksize " + std::to_string(block) +
                " divides the dimension '" + node.dims().str(dims[i]) + "'");
    blocks.push_back(*count);
  }
  Tensor split = reshape(node, input,
                         {dims[0], dims[1], blocks[0], size, blocks[1], size});
  Tensor moved = transpose(node, split, {0, 3, 5, 1, 2, 4});
  node.setOutput(
      0, reshape(node, moved,
                 {dims[0], dims[1] * size * size, blocks[0], blocks[1]}));
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static void importReshape(Node &node) {
  const Tensor &input = node.input(0);
  std::vector<Dim> shape = node.dimensions(1, "the shape");
  bool allowZero = node.getInt("allowzero", 0);
  std::optional<size_t> unknown;
  Dim known = 1;
  for (auto [i, dim] : llvm::enumerate(shape)) {
    auto number = dim.constant();
    if (number == 0 && !allowZero) {
      if (int64_t(i) >= input.getRank())
        node.fail("dimension " + std::to_string(i) +
                  " is to be that of the input, which has rank " +
                  std::to_string(input.getRank()));
      dim = input.dims[i];
    }
    if (number == -1) {
      if (unknown)
        node.fail("the shape has more than one -1");
      unknown = i;
      continue;
    }
    if (number && *number < -1)
      node.fail("the shape has the dimension " + std::to_string(*number));
    known = known * dim;
  }
  Dim total = input.countElements();
  if (unknown) {
    bool divides =
        !total.constant() || !known.constant() ||
        (*known.constant() > 0 && *total.constant() % *known.constant() == 0);
    if (!divides)
      node.fail("cannot shape " + node.dims().str(total) +
                " elements so that " + node.dims().str(known) + " divide them");
    shape[*unknown] = node.dims().floorDiv(total, known);
  } else if (total.constant() && known.constant() && total != known) {
    node.fail("cannot shape " + node.dims().str(total) + " elements as " +
              node.dims().str(known));
  }
  node.setOutput(0, reshape(node, input, shape));
}

static void importFlatten(Node &node) {
  const Tensor &input = node.input(0);
  int64_t axis = node.getInt("axis", 1);
  if (axis != input.getRank())
    axis = node.normalizeAxis(axis, input.getRank());
  Dim sizes[2] = {1, 1};
  for (auto [i, dim] : llvm::enumerate(input.dims))
    sizes[int64_t(i) >= axis] = sizes[int64_t(i) >= axis] * dim;
  node.setOutput(0, reshape(node, input, sizes));
}

/// The axes, which are an input since opset 13.
static std::optional<std::vector<int64_t>> readAxes(Node &node) {
  if (node.version() < 13)
    return node.findInts("axes");
  if (!node.hasInput(1))
    return std::nullopt;
  return node.ints(1, "the axes");
}

static void importSqueeze(Node &node) {
  const Tensor &input = node.input(0);
  auto given = readAxes(node);
  SmallVector<int64_t> axes;
  if (given)
    axes = node.normalizeAxes(*given, input.getRank());
  SmallVector<Dim> shape;
  for (auto [i, dim] : llvm::enumerate(input.dims)) {
    bool isNamed = llvm::is_contained(axes, int64_t(i));
    if (isNamed && dim.constant() && dim != Dim(1))
      node.fail("axis " + std::to_string(i) + " has size " +
                node.dims().str(dim) + ", expected 1");
    if (!given && !dim.constant())
      node.fail("cannot tell whether the dimension '" + node.dims().str(dim) +
                "' is 1: expected axes");
    if (!(given ? isNamed : dim == Dim(1)))
      shape.push_back(dim);
  }
  node.setOutput(0, reshape(node, input, shape));
}

static void importUnsqueeze(Node &node) {
  const Tensor &input = node.input(0);
  auto given = readAxes(node);
  if (!given)
    node.fail("expected axes");
  node.setOutput(
      0, unsqueeze(node, input,
                   node.normalizeAxes(*given, input.getRank() +
                                                  int64_t(given->size()))));
}

static void importExpand(Node &node) {
  const Tensor &input = node.input(0);
  std::vector<Dim> shape = node.dimensions(1, "the shape");
  for (const Dim &dim : shape)
    if (dim.constant().value_or(0) < 0)
      node.fail("the shape has the dimension " + node.dims().str(dim));
  node.setOutput(0, expand(node, input, broadcast(node, input.dims, shape)));
}

static void importTile(Node &node) {
  const Tensor &input = node.input(0);
  std::vector<Dim> repeats = node.dimensions(1, "the repeats");
  int64_t rank = input.getRank();
  if (int64_t(repeats.size()) != rank)
    node.fail(std::to_string(repeats.size()) + " repeats, expected " +
              std::to_string(rank));
  SmallVector<Dim> shape;
  for (auto [dim, repeat] : llvm::zip_equal(input.dims, repeats)) {
    if (repeat.constant().value_or(0) < 0)
      node.fail("a negative number of repeats");
    shape.push_back(dim * repeat);
  }
  Source source(node, input);
  node.setOutput(
      0, generate(node, input.dtype, shape, [&](const LoopBody &body) {
        SmallVector<Value> at;
        for (int64_t i = 0; i < rank; ++i) {
          Value index = body.index(i);
          if (repeats[i] != Dim(1))
            index = arith::RemSIOp::create(body.builder, body.loc, index,
                                           body.size(source.sizes[i]));
          at.push_back(index);
        }
        return body.read(source, at);
      }));
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

/// The dimension that `lhs` and `rhs`, which must be equal, have both.
static Dim unify(Node &node, const Dim &lhs, const Dim &rhs) {
  if (lhs == rhs)
    return lhs;
  if (lhs.constant() && rhs.constant())
    node.fail("sizes " + node.dims().str(lhs) + " and " + node.dims().str(rhs) +
              " of a dimension that is to be equal");
  if (auto common = node.dims().agree(lhs, rhs))
    return *common;
  if (!lhs.constant() && !rhs.constant())
    node.fail("cannot tell whether the dimensions '" + node.dims().str(lhs) +
              "' and '" + node.dims().str(rhs) + "' are equal");
  return lhs.constant() ? lhs : rhs;
}

Tensor qnt::onnx::concat(Node &node, ArrayRef<Tensor> parts, int64_t axis) {
  const Tensor &first = parts.front();
  int64_t rank = first.getRank();
  axis = node.normalizeAxis(axis, rank);
  SmallVector<Dim> shape(first.dims);
  shape[axis] = 0;
  for (const Tensor &part : parts) {
    if (part.getRank() != rank || part.dtype != first.dtype)
      node.fail("expected tensors of one rank and type");
    for (int64_t dim = 0; dim < rank; ++dim)
      shape[dim] = dim == axis ? shape[dim] + part.dims[dim]
                               : unify(node, shape[dim], part.dims[dim]);
  }
  SmallVector<Value> values;
  for (const Tensor &part : parts) {
    SmallVector<Dim> refined(shape);
    refined[axis] = part.dims[axis];
    if (part.dims[axis] != Dim(0))
      values.push_back(refine(node, node.value(part), refined));
  }
  if (values.empty())
    return first;
  Type element = onnx::getElementType(first.dtype, node.context());
  Value value = values[0];
  if (values.size() > 1)
    value =
        tensor::ConcatOp::create(node.builder(), node.loc(),
                                 getTensorType(shape, element), axis, values);
  return Tensor::ofValue(first.dtype, shape, value);
}

static void importConcat(Node &node) {
  if (!node.findAttribute("axis"))
    node.fail("attribute 'axis' is missing");
  SmallVector<Tensor> parts;
  for (size_t i = 0; i < node.numInputs(); ++i)
    parts.push_back(node.input(i));
  if (parts.empty())
    node.fail("expected an input");
  node.setOutput(0, concat(node, parts, node.getInt("axis", 0)));
}

static void importSplit(Node &node) {
  const Tensor &input = node.input(0);
  int64_t rank = input.getRank();
  int64_t axis = node.normalizeAxis(node.getInt("axis", 0), rank);
  Dim total = input.dims[axis];
  std::vector<Dim> sizes;
  size_t count = node.numOutputs();
  if (node.version() < 13) {
    if (auto given = node.findInts("split"))
      sizes.assign(given->begin(), given->end());
  } else if (node.hasInput(1)) {
    sizes = node.dimensions(1, "the sizes");
  }
  if (auto given = node.findInt("num_outputs")) {
    if (!sizes.empty() || *given != int64_t(count))
      node.fail("num_outputs is " + std::to_string(*given) + " for " +
                std::to_string(count) + " outputs");
  }
  if (sizes.empty()) {
    // Equal parts; the last may be smaller.
    Dim part = node.dims().ceilDiv(total, Dim(count));
    sizes.assign(count, part);
    sizes.back() = total - part * Dim(count - 1);
  }
  if (sizes.size() != count)
    node.fail(std::to_string(sizes.size()) + " sizes for " +
              std::to_string(count) + " outputs");
  Dim offset = 0;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    SmallVector<Dim> offsets(rank, Dim(0)), shape(input.dims);
    offsets[axis] = offset;
    shape[axis] = size;
    offset = offset + size;
    if (size.constant().value_or(0) < 0)
      node.fail("a part of size " + node.dims().str(size));
    if (node.wantsOutput(i))
      node.setOutput(
          i, slice(node, input, offsets, shape, SmallVector<int64_t>(rank, 1)));
  }
  if (offset.constant() && total.constant() && offset != total)
    node.fail("parts of " + node.dims().str(offset) + " in all, expected " +
              node.dims().str(total));
}

/// A place along a dimension as Slice gives it: negative ones count from the
/// end, and nothing is outside [lowest, highest].
static Dim findPlace(Node &node, const Dim &given, const Dim &size,
                     const Dim &lowest, const Dim &highest) {
  constexpr int64_t far = INT32_MAX;
  if (auto number = given.constant()) {
    if (*number >= far)
      return highest;
    if (*number <= -far)
      return lowest;
    if (*number < 0)
      return node.dims().max(size + given, lowest);
  }
  return node.dims().min(given, highest);
}

static void importSlice(Node &node) {
  const Tensor &input = node.input(0);
  int64_t rank = input.getRank();
  std::vector<Dim> starts = node.dimensions(1, "the starts");
  std::vector<Dim> ends = node.dimensions(2, "the ends");
  std::vector<int64_t> axes, given(starts.size(), 1);
  for (size_t i = 0; i < starts.size(); ++i)
    axes.push_back(i);
  if (node.hasInput(3))
    axes = node.ints(3, "the axes");
  if (node.hasInput(4))
    given = node.ints(4, "the steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      given.size() != starts.size())
    node.fail("starts, ends, axes and steps differ in number");
  (void)node.normalizeAxes(axes, rank);
  SmallVector<Dim> offsets(rank, Dim(0)), sizes(input.dims);
  SmallVector<int64_t> steps(rank, 1);
  bool isReversed = false;
  for (auto [i, number] : llvm::enumerate(axes)) {
    int64_t axis = node.normalizeAxis(number, rank);
    int64_t step = std::clamp<int64_t>(given[i], -INT32_MAX, INT32_MAX);
    Dim size = input.dims[axis];
    if (step == 0)
      node.fail("a step of 0");
    steps[axis] = step;
    if (step > 0) {
      Dim end = findPlace(node, ends[i], size, Dim(0), size);
      // A start behind the end leaves nothing.
      Dim start = findPlace(node, starts[i], size, Dim(0), starts[i]);
      if (starts[i].constant().value_or(0) >= INT32_MAX)
        start = size;
      offsets[axis] = node.dims().min(start, size);
      sizes[axis] =
          node.dims().ceilDiv(node.dims().max(end - start, Dim(0)), step);
    } else {
      isReversed = true;
      Dim last = size - Dim(1);
      Dim start = findPlace(node, starts[i], size, Dim(-1), last);
      Dim end = findPlace(node, ends[i], size, Dim(-1), last);
      offsets[axis] = start;
      sizes[axis] =
          node.dims().ceilDiv(node.dims().max(start - end, Dim(0)), -step);
    }
  }
  if (!isReversed)
    return node.setOutput(0, slice(node, input, offsets, sizes, steps));
  Source source(node, input);
  SmallVector<LoopSize> firsts;
  for (const Dim &offset : offsets)
    firsts.emplace_back(node, offset);
  node.setOutput(0,
                 generate(node, input.dtype, sizes, [&](const LoopBody &body) {
                   SmallVector<Value> at;
                   for (int64_t i = 0; i < rank; ++i)
                     at.push_back(body.add(body.size(firsts[i]),
                                           body.mul(body.index(i), steps[i])));
                   return body.read(source, at);
                 }));
}

ArrayRef<Operator> qnt::onnx::getMovementOperators() {
  static const Operator operators[] = {
      {"Concat", 4, importConcat},
      {"DepthToSpace", 1, importDepthToSpace},
      {"Expand", 8, importExpand},
      {"Flatten", 1, importFlatten},
      {"Reshape", 5, importReshape},
      {"Slice", 10, importSlice, "axes and steps known at run time alone"},
      {"SpaceToDepth", 1, importSpaceToDepth},
      {"Split", 2, importSplit},
      {"Squeeze", 1, importSqueeze},
      {"Tile", 6, importTile},
      {"Transpose", 1, importTranspose},
      {"Unsqueeze", 1, importUnsqueeze},
  };
  return operators;
}
