//===- DynamicLinear.cpp - layers on ranges of their own --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Quantisers write a linear layer whose input's range is found at run time as
//
//   q, s, z = DynamicQuantizeLinear(x)
//   y = Cast(MatMulInteger(q, weight, z, zero)) * (s * scale)
//
// which is nn.linear on decoded numbers, and rounds as it does.
//
//===----------------------------------------------------------------------===//
#include "Importer.h"
#include "Layers.h"
#include "MatMul.h"
#include "Quantization.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// The input `i` of `node`, "" where it is missing.
static StringRef inputOf(const NodeProto &node, size_t i) {
  return i < node.inputs.size() ? StringRef(node.inputs[i]) : StringRef();
}

/// The constant of that name; null for other values.
static const Tensor *findConstant(const Scope &scope, StringRef name) {
  const Tensor *tensor = name.empty() ? nullptr : scope.find(name);
  return tensor && tensor->constant ? tensor : nullptr;
}

namespace {
/// What a layer in parts consists of.
struct DynamicLinear {
  /// The result of qnt.codes.
  const Tensor *codes = nullptr;
  const Tensor *weight = nullptr, *scale = nullptr;
  /// Null without zero points.
  const Tensor *zero = nullptr;
};
} // namespace

/// `sums` names f32 sums, `unit` what they are multiplied by.
static std::optional<DynamicLinear> match(const Scope &scope, StringRef sums,
                                          StringRef unit) {
  const NodeProto *cast = findProducer(scope, sums, "Cast");
  const NodeProto *product =
      cast ? findProducer(scope, inputOf(*cast, 0), "MatMulInteger") : nullptr;
  const NodeProto *range = product ? findProducer(scope, inputOf(*product, 0),
                                                  "DynamicQuantizeLinear")
                                   : nullptr;
  const NodeProto *units = findProducer(scope, unit, "Mul");
  if (!range || !units || range->outputs.size() != 3 ||
      inputOf(*product, 2) != range->outputs[2])
    return std::nullopt;
  bool isFirst = inputOf(*units, 0) == range->outputs[1];
  if (!isFirst && inputOf(*units, 1) != range->outputs[1])
    return std::nullopt;
  DynamicLinear found;
  found.codes = scope.find(range->outputs[0]);
  found.weight = findConstant(scope, inputOf(*product, 1));
  found.scale = findConstant(scope, inputOf(*units, isFirst ? 1 : 0));
  found.zero = findConstant(scope, inputOf(*product, 3));
  const Tensor *numbers = scope.find(sums);
  if (!numbers || numbers->dtype != DType::F32 || !found.codes ||
      !found.codes->value || !found.codes->value.getDefiningOp<CodesOp>() ||
      !found.weight || found.weight->getRank() != 2 || !found.scale ||
      found.scale->dtype != DType::F32 ||
      (!found.zero && !inputOf(*product, 3).empty()))
    return std::nullopt;
  return found;
}

/// What the codes of the weight [K, N] mean, as linear layers have it: one
/// scale and zero point, or one for each column.
static std::optional<CodeMeaning> getMeaning(Node &node,
                                             const DynamicLinear &layer) {
  const Dim &columns = layer.weight->dims[1];
  bool isSingle = layer.scale->countElements() == Dim(1);
  auto fits = [&](const Tensor &numbers) {
    return isSingle ? numbers.countElements() == Dim(1)
                    : numbers.getRank() == 1 && numbers.dims[0] == columns;
  };
  if (!fits(*layer.scale) || (layer.zero && !fits(*layer.zero)))
    return std::nullopt;
  SmallVector<Dim> shape;
  if (!isSingle)
    shape = {Dim(1), columns};
  CodeMeaning meaning;
  meaning.scale = reshape(node, *layer.scale, shape);
  if (layer.zero)
    meaning.zero = reshape(node, *layer.zero, shape);
  if (!isSingle)
    meaning.axis = 1;
  return meaning;
}

bool qnt::onnx::importDynamicLinear(Node &node, const Scope &scope) {
  const NodeProto &proto = node.getProto();
  auto layer = match(scope, proto.inputs[0], proto.inputs[1]);
  if (!layer)
    layer = match(scope, proto.inputs[1], proto.inputs[0]);
  auto meaning = layer ? getMeaning(node, *layer) : std::nullopt;
  if (!meaning)
    return false;
  Value codes = layer->codes->value.getDefiningOp<CodesOp>().getInput();
  auto type =
      RankedTensorType::get(cast<QTensorType>(codes.getType()).getShape(),
                            node.builder().getF32Type());
  Value decoded = DequantizeOp::create(node.builder(), node.loc(), type, codes);
  Tensor weight = decode(node, *layer->weight, *meaning);
  auto result =
      linear(node, Tensor::ofValue(DType::F32, layer->codes->dims, decoded),
             transpose(node, weight, {1, 0}), nullptr);
  if (!result)
    return false;
  node.setOutput(0, *result);
  return true;
}
