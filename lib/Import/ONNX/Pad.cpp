//===- Pad.cpp - what lies around a tensor -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Loops.h"
#include "Registry.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

namespace {
/// By dimension; negative pads cut.
struct Pads {
  SmallVector<int64_t> before, after;
};
} // namespace

static Pads readPads(Node &node, int64_t rank) {
  std::vector<int64_t> numbers = node.ints(1, "the pads");
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i)
    axes.push_back(i);
  if (node.hasInput(3))
    axes = node.ints(3, "the axes");
  if (numbers.size() != 2 * axes.size())
    node.fail(std::to_string(numbers.size()) + " pads, expected " +
              std::to_string(2 * axes.size()));
  (void)node.normalizeAxes(axes, rank);
  Pads pads;
  pads.before.assign(rank, 0);
  pads.after.assign(rank, 0);
  constexpr int64_t limit = INT32_MAX;
  for (auto [i, number] : llvm::enumerate(axes)) {
    int64_t axis = node.normalizeAxis(number, rank);
    pads.before[axis] = std::clamp(numbers[i], -limit, limit);
    pads.after[axis] = std::clamp(numbers[axes.size() + i], -limit, limit);
  }
  return pads;
}

/// Applies the negative pads, which become zero.
static Tensor cut(Node &node, const Tensor &input, Pads &pads) {
  SmallVector<Dim> offsets, sizes;
  for (auto [i, dim] : llvm::enumerate(input.dims)) {
    int64_t first = std::min<int64_t>(pads.before[i], 0);
    int64_t last = std::min<int64_t>(pads.after[i], 0);
    offsets.push_back(Dim(-first));
    sizes.push_back(dim + Dim(first) + Dim(last));
    if (sizes.back().constant().value_or(0) < 0)
      node.fail("pads that cut more than there is of dimension " +
                std::to_string(i));
    pads.before[i] -= first;
    pads.after[i] -= last;
  }
  return slice(node, input, offsets, sizes,
               SmallVector<int64_t>(input.getRank(), 1));
}

static Tensor padConstant(Node &node, const Tensor &input, const Pads &pads,
                          ArrayRef<Dim> shape) {
  OpBuilder &builder = node.builder();
  Location loc = node.loc();
  Type type = onnx::getElementType(input.dtype, node.context());
  Value padding;
  bool hasValue = node.hasInput(2);
  if (hasValue && node.input(2, input.dtype).countElements() != Dim(1))
    node.fail(node.describe(2) + ": expected one element");
  if (hasValue && !node.input(2).constant)
    padding = tensor::ExtractOp::create(
        builder, loc, node.value(reshape(node, node.input(2), {})),
        ValueRange());
  else
    padding =
        scalarConstant(builder, loc, type,
                       hasValue ? node.input(2).constant->toDoubles()[0] : 0);
  if (!input.isStatic() || input.countElements() != Dim(0)) {
    auto fold = [&](ArrayRef<int64_t> numbers) {
      return getAsIndexOpFoldResult(node.context(), numbers);
    };
    Value value = tensor::PadOp::create(
        builder, loc, getTensorType(shape, type), node.value(input),
        fold(pads.before), fold(pads.after), padding);
    return Tensor::ofValue(input.dtype, shape, value);
  }
  return generate(node, input.dtype, shape,
                  [&](const LoopBody &) { return padding; });
}

/// The element that index i of the result is taken from along a dimension.
static Value findOrigin(const LoopBody &body, StringRef mode, Value i,
                        int64_t before, const LoopSize &size) {
  Value at = body.add(i, -before);
  if (mode == "edge")
    return body.clamp(at, size);
  auto modulo = [&](Value x, Value period) -> Value {
    auto rem = [&](Value y) {
      return arith::RemSIOp::create(body.builder, body.loc, y, period);
    };
    return rem(body.add(rem(x), period));
  };
  if (mode == "wrap")
    return modulo(at, body.size(size));
  // There and back again, without the ends twice.
  Value last = body.add(body.size(size), -1);
  Value period = body.max(body.mul(last, 2), body.constant(1));
  Value phase = modulo(at, period);
  return body.min(phase, body.sub(period, phase));
}

static void importPad(Node &node) {
  std::string mode = node.getString("mode", "constant");
  Pads pads = readPads(node, node.input(0).getRank());
  Tensor input = cut(node, node.input(0), pads);
  SmallVector<Dim> shape;
  bool isSame = true;
  for (auto [i, dim] : llvm::enumerate(input.dims)) {
    int64_t more = pads.before[i] + pads.after[i];
    shape.push_back(dim + Dim(more));
    isSame &= more == 0;
    if (dim == Dim(0) && more && mode != "constant")
      node.fail("mode '" + mode + "' on a dimension of size 0");
  }
  if (isSame)
    return node.setOutput(0, input);
  if (mode == "constant")
    return node.setOutput(0, padConstant(node, input, pads, shape));
  if (mode != "edge" && mode != "wrap" && mode != "reflect")
    node.fail("attribute 'mode' is '" + mode +
              "', expected constant, edge, reflect or wrap");
  Source source(node, input);
  node.setOutput(
      0, generate(node, input.dtype, shape, [&](const LoopBody &body) {
        SmallVector<Value> at;
        for (int64_t i = 0; i < input.getRank(); ++i)
          at.push_back(pads.before[i] + pads.after[i] == 0
                           ? body.index(i)
                           : findOrigin(body, mode, body.index(i),
                                        pads.before[i], source.sizes[i]));
        return body.read(source, at);
      }));
}

ArrayRef<Operator> qnt::onnx::getPadOperators() {
  static const Operator operators[] = {
      {"Pad", 11, importPad, "pads known at run time alone"},
  };
  return operators;
}
