//===- Values.cpp - constants, types and values that pass through --------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builders.h"
#include "Registry.h"
#include "Scalars.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

static void importIdentity(Node &node) { node.setOutput(0, node.input(0)); }

static void importConstant(Node &node) {
  std::vector<double> reals;
  std::vector<int64_t> numbers, shape;
  DType dtype = DType::I64;
  if (const AttributeProto *attribute = node.findAttribute("value")) {
    if (attribute->tensor.empty())
      node.fail("attribute 'value' holds no tensor");
    return node.setOutput(0, node.readTensor(attribute->tensor.front()));
  }
  if (auto value = node.findFloat("value_float")) {
    reals = {*value};
    dtype = DType::F32;
  } else if (auto values = node.findFloats("value_floats")) {
    reals.assign(values->begin(), values->end());
    shape = {int64_t(reals.size())};
    dtype = DType::F32;
  } else if (auto value = node.findInt("value_int")) {
    numbers = {*value};
  } else if (auto values = node.findInts("value_ints")) {
    numbers = *values;
    shape = {int64_t(numbers.size())};
  } else if (node.findAttribute("value_string") ||
             node.findAttribute("value_strings")) {
    node.fail("element type string is not supported");
  } else {
    node.fail("expected a dense value");
  }
  std::string name = node.outputName(0);
  node.setOutput(0, Tensor::ofConstant(
                        dtype == DType::F32
                            ? Constant::ofFloats(name, dtype, shape, reals)
                            : Constant::ofInts(name, dtype, shape, numbers)));
}

static void setCast(Node &node, DType dtype) {
  const Tensor &input = node.input(0, allTypes());
  if (!llvm::is_contained(allTypes(), dtype))
    node.fail("element type " + getName(dtype).str() + " is not supported");
  // How to saturate matters to 8-bit floats alone.
  (void)node.getInt("saturate", 1);
  node.setOutput(0, cast(node, input, dtype));
}

static void importCast(Node &node) {
  auto to = node.findInt("to");
  if (!to)
    node.fail("attribute 'to' is missing");
  setCast(node, getDType(*to));
}

static void importCastLike(Node &node) { setCast(node, node.input(1).dtype); }

static void importDropout(Node &node) {
  const Tensor &input = node.input(0, floatTypes());
  if (node.version() < 12)
    (void)node.getFloat("ratio", 0.5);
  (void)node.findInt("seed");
  auto isZero = [&](size_t i, const char *use) {
    std::vector<double> value = node.constant(i, use)->toDoubles();
    return value.size() == 1 && value[0] == 0;
  };
  // Training with nothing dropped is inference.
  if (node.hasInput(2) && !isZero(2, "the training mode") &&
      !(node.hasInput(1) && isZero(1, "the ratio")))
    node.fail("training is not supported");
  node.setOutput(0, input);
  if (!node.wantsOutput(1))
    return;
  auto one = node.builder().getBoolAttr(true);
  node.setOutput(1, Tensor::ofValue(DType::Bool, input.dims,
                                    filledTensor(node, input.dims, one)));
}

ArrayRef<Operator> qnt::onnx::getValueOperators() {
  static const Operator operators[] = {
      {"Cast", 9, importCast},
      {"CastLike", 15, importCastLike},
      {"Constant", 1, importConstant, "strings, sparse tensors"},
      {"Dropout", 7, importDropout, "training"},
      {"Identity", 1, importIdentity},
  };
  return operators;
}
