//===- Node.cpp - the node being imported, as its operator sees it -------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Node.h"

#include "Error.h"
#include "Importer.h"

using namespace mlir;
using namespace qnt::onnx;

Node::Node(Importer &importer, const Scope &scope, const NodeProto &proto,
           std::string label, int64_t version, std::vector<Tensor> inputs)
    : importer(importer), scope(scope), proto(proto), label(std::move(label)),
      opsetVersion(version), inputs(std::move(inputs)),
      outputs(proto.outputs.size()) {}

OpBuilder &Node::builder() { return importer.builder; }
MLIRContext *Node::context() { return importer.builder.getContext(); }
DimContext &Node::dims() { return importer.dims; }

Location Node::loc() const {
  return NameLoc::get(importer.builder.getStringAttr(label));
}

void Node::fail(const std::string &message) const {
  throw ImportError(importer.path + ": node '" + label + "' (" +
                    proto.opType.str() + "): " + message);
}

//===----------------------------------------------------------------------===//
// Inputs and outputs
//===----------------------------------------------------------------------===//

bool Node::hasInput(size_t i) const {
  return i < inputs.size() && !proto.inputs[i].empty();
}

std::string Node::describe(size_t i) const {
  return "input " + std::to_string(i) + " ('" + proto.inputs[i].str() + "')";
}

const Tensor &Node::input(size_t i) const {
  if (!hasInput(i))
    fail("input " + std::to_string(i) + " is missing");
  if (!inputs[i].refusal.empty())
    fail(describe(i) + ": " + inputs[i].refusal);
  return inputs[i];
}

const Tensor &Node::input(size_t i, ArrayRef<DType> allowed) const {
  const Tensor &tensor = input(i);
  if (!llvm::is_contained(allowed, tensor.dtype))
    fail(describe(i) + " has the element type " + getName(tensor.dtype).str() +
         ", which is not supported here");
  return tensor;
}

void Node::notConstant(size_t i, const char *use) const {
  fail(describe(i) + " gives " + use + ", which must be known when " +
       "importing" +
       (importer.isGraphInput(proto.inputs[i])
            ? ": --bind " + proto.inputs[i].str() +
                  "=FILE.npy makes this input of the graph a constant"
            : ""));
}

ConstantRef Node::constant(size_t i, const char *use) const {
  if (!input(i).constant)
    notConstant(i, use);
  return inputs[i].constant;
}

std::vector<int64_t> Node::ints(size_t i, const char *use) const {
  ConstantRef known = constant(i, use);
  if (!isInteger(known->getDType()) || known->getRank() > 1)
    fail(describe(i) + " gives " + use +
         ": expected integers in one dimension");
  return known->toInts();
}

int64_t Node::integer(size_t i, const char *use) const {
  std::vector<int64_t> values = ints(i, use);
  if (values.size() != 1)
    fail(describe(i) + " gives " + use + ": expected one number, got " +
         std::to_string(values.size()));
  return values[0];
}

std::vector<Dim> Node::dimensions(size_t i, const char *use) const {
  const Tensor &tensor = input(i);
  if (!isInteger(tensor.dtype) || tensor.getRank() > 1)
    fail(describe(i) + " gives " + use +
         ": expected integers in one dimension");
  auto elements = tensor.findElements();
  if (!elements)
    notConstant(i, use);
  return *elements;
}

bool Node::wantsOutput(size_t i) const {
  return i < proto.outputs.size() && !proto.outputs[i].empty();
}

void Node::setOutput(size_t i, Tensor tensor) {
  if (i < outputs.size())
    outputs[i] = std::move(tensor);
}

std::vector<Tensor> Node::importGraph(const GraphProto &graph,
                                      ArrayRef<Tensor> inputs) {
  return importer.importSubgraph(*this, graph, inputs);
}

Tensor Node::readTensor(const TensorProto &tensor) const {
  return Tensor::ofConstant(
      onnx::readTensor(tensor, outputName(0), importer.files, importer.owner));
}

Value Node::value(const Tensor &tensor) {
  return importer.materialize(tensor, loc(), /*asParameter=*/false);
}

Value Node::parameter(const Tensor &tensor) {
  return importer.materialize(tensor, loc(), /*asParameter=*/true);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const AttributeProto *Node::findAttribute(StringRef name) {
  asked.insert(name);
  for (const AttributeProto &attribute : proto.attributes)
    if (attribute.name == name)
      return &attribute;
  return nullptr;
}

const AttributeProto *Node::findTyped(StringRef name,
                                      AttributeProto::Type type) {
  const AttributeProto *attribute = findAttribute(name);
  static const char *const names[] = {"undefined", "a float",  "an integer",
                                      "a string",  "a tensor", "a graph",
                                      "floats",    "integers", "strings"};
  if (attribute && attribute->type != type)
    fail("attribute '" + name.str() + "' has the type " +
         (attribute->type >= 0 && attribute->type <= AttributeProto::Strings
              ? names[attribute->type]
              : std::to_string(attribute->type)) +
         ", expected " + names[type]);
  return attribute;
}

std::optional<int64_t> Node::findInt(StringRef name) {
  if (auto *attribute = findTyped(name, AttributeProto::Int))
    return attribute->i;
  return std::nullopt;
}

int64_t Node::getInt(StringRef name, int64_t missing) {
  return findInt(name).value_or(missing);
}

std::optional<float> Node::findFloat(StringRef name) {
  if (auto *attribute = findTyped(name, AttributeProto::Float))
    return attribute->f;
  return std::nullopt;
}

double Node::getFloat(StringRef name, double missing) {
  return findFloat(name).value_or(float(missing));
}

std::string Node::getString(StringRef name, StringRef missing) {
  if (auto *attribute = findTyped(name, AttributeProto::String))
    return attribute->s.str();
  return missing.str();
}

std::optional<std::vector<int64_t>> Node::findInts(StringRef name) {
  if (auto *attribute = findTyped(name, AttributeProto::Ints))
    return std::vector<int64_t>(attribute->ints.begin(), attribute->ints.end());
  return std::nullopt;
}

std::optional<std::vector<float>> Node::findFloats(StringRef name) {
  if (auto *attribute = findTyped(name, AttributeProto::Floats))
    return std::vector<float>(attribute->floats.begin(),
                              attribute->floats.end());
  return std::nullopt;
}

const GraphProto &Node::getGraph(StringRef name) {
  auto *attribute = findTyped(name, AttributeProto::Graph);
  if (!attribute || attribute->graph.empty())
    fail("attribute '" + name.str() + "' with a graph is missing");
  return attribute->graph.front();
}

void Node::expectInt(StringRef name, int64_t only) {
  int64_t value = getInt(name, only);
  if (value != only)
    fail("attribute '" + name.str() + "' is " + std::to_string(value) +
         ", of which " + std::to_string(only) + " alone is supported");
}

void Node::checkAttributes() const {
  for (const AttributeProto &attribute : proto.attributes)
    if (!asked.contains(attribute.name))
      fail("attribute '" + attribute.name.str() + "' is not supported");
}

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

int64_t Node::normalizeAxis(int64_t axis, int64_t rank, bool allowEnd) const {
  int64_t end = rank + allowEnd;
  if (axis < -end || axis >= end)
    fail("axis " + std::to_string(axis) + " of a tensor of rank " +
         std::to_string(rank));
  return axis < 0 ? axis + end : axis;
}

SmallVector<int64_t> Node::normalizeAxes(ArrayRef<int64_t> axes,
                                         int64_t rank) const {
  SmallVector<int64_t> result;
  for (int64_t axis : axes)
    result.push_back(normalizeAxis(axis, rank));
  llvm::sort(result);
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    fail("an axis is given twice");
  return result;
}
