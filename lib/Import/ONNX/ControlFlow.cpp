//===- ControlFlow.cpp - If, Loop and functions of the model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// There is no control flow in what is imported: conditions known when importing
// choose a branch, loops are unrolled, functions are inlined.
//
//===----------------------------------------------------------------------===//
#include "Builders.h"
#include "Error.h"
#include "Importer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// Functions and graphs inside each other; deeper ones call themselves.
static constexpr unsigned maxDepth = 64;
static constexpr int64_t maxIterations = 1024;

/// The number in a bool tensor of one element; none when it is not known.
static std::optional<bool> findCondition(const Tensor &tensor) {
  if (!tensor.constant || tensor.dtype != DType::Bool ||
      tensor.constant->size() != 1)
    return std::nullopt;
  return tensor.constant->toInts()[0] != 0;
}

std::vector<Tensor> Importer::importSubgraph(Node &node,
                                             const GraphProto &graph,
                                             ArrayRef<Tensor> inputs) {
  if (++depth > maxDepth)
    node.fail("graphs are nested more than " + std::to_string(maxDepth) +
              " deep");
  llvm::scope_exit leave([&] { --depth; });
  if (graph.inputs.size() != inputs.size())
    node.fail("graph '" + graph.name.str() + "' has " +
              std::to_string(graph.inputs.size()) + " inputs, expected " +
              std::to_string(inputs.size()));
  Scope inner;
  inner.parent = &node.scope;
  inner.opsets = node.scope.opsets;
  inner.prefix = node.label + ".";
  for (auto [info, input] : llvm::zip_equal(graph.inputs, inputs))
    inner.values[info.name] = input;
  importGraph(graph, inner);
  std::vector<Tensor> outputs;
  for (const ValueInfoProto &info : graph.outputs) {
    const Tensor *tensor = inner.find(info.name);
    if (!tensor)
      node.fail("graph '" + graph.name.str() + "': output '" + info.name.str() +
                "' is given by no node");
    outputs.push_back(*tensor);
  }
  return outputs;
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

/// `lhs` where `condition` holds, else `rhs`; all of it is computed.
static Tensor select(Node &node, const Tensor &condition, const Tensor &lhs,
                     const Tensor &rhs) {
  for (const Tensor *side : {&lhs, &rhs})
    if (!side->refusal.empty())
      node.fail("a branch gives a value of which " + side->refusal);
  if (lhs.dtype != rhs.dtype || !llvm::equal(lhs.dims, rhs.dims))
    node.fail("the branches of a condition that is not known when importing "
              "give different shapes or types, which is not supported");
  Tensor scalar = reshape(node, condition, {});
  return elementwise(node, {scalar, lhs, rhs}, lhs.dtype,
                     [](OpBuilder &builder, Location loc, ValueRange args) {
                       return arith::SelectOp::create(builder, loc, args[0],
                                                      args[1], args[2]);
                     });
}

static void importIf(Node &node) {
  const Tensor &condition = node.input(0, DType::Bool);
  const GraphProto &thenGraph = node.getGraph("then_branch");
  const GraphProto &elseGraph = node.getGraph("else_branch");
  auto import = [&](const GraphProto &graph) {
    std::vector<Tensor> outputs = node.importGraph(graph, {});
    if (outputs.size() < node.numOutputs())
      node.fail("a branch gives " + std::to_string(outputs.size()) +
                " values, expected " + std::to_string(node.numOutputs()));
    return outputs;
  };
  std::vector<Tensor> results;
  if (auto known = findCondition(condition)) {
    results = import(*known ? thenGraph : elseGraph);
  } else if (condition.countElements().constant() != 1) {
    node.fail("expected a condition of one element");
  } else {
    std::vector<Tensor> lhs = import(thenGraph), rhs = import(elseGraph);
    for (size_t i = 0; i < node.numOutputs(); ++i)
      results.push_back(select(node, condition, lhs[i], rhs[i]));
  }
  for (size_t i = 0; i < node.numOutputs(); ++i)
    node.setOutput(i, results[i]);
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

/// Equal tensors one after the other along a new first dimension.
static Tensor stack(Node &node, ArrayRef<Tensor> slices) {
  if (slices.empty())
    node.fail("a loop without iterations gives a value of unknown shape");
  SmallVector<Value> operands;
  SmallVector<Dim> shape(slices[0].dims);
  shape.insert(shape.begin(), Dim(slices.size()));
  for (const Tensor &slice : slices) {
    if (!slice.refusal.empty())
      node.fail(slice.refusal);
    if (slice.dtype != slices[0].dtype ||
        !llvm::equal(slice.dims, slices[0].dims))
      node.fail("the iterations of a loop give values of different shapes or "
                "types");
    operands.push_back(node.value(unsqueeze(node, slice, 0)));
  }
  Value value = operands[0];
  if (operands.size() > 1)
    value = tensor::ConcatOp::create(node.builder(), node.loc(), /*dim=*/0,
                                     operands);
  return Tensor::ofValue(slices[0].dtype, shape, value);
}

static void importLoop(Node &node) {
  const GraphProto &body = node.getGraph("body");
  int64_t trips = maxIterations + 1;
  if (node.hasInput(0))
    trips = node.integer(0, "the number of iterations");
  size_t carried = std::max<size_t>(node.numInputs(), 2) - 2;
  if (body.outputs.size() < carried + 1 ||
      node.numOutputs() + 1 > body.outputs.size())
    node.fail("the body gives " + std::to_string(body.outputs.size()) +
              " values, too few for the loop's inputs and outputs");
  Tensor condition =
      Tensor::ofConstant(Constant::ofInts("condition", DType::Bool, {}, 1));
  if (node.hasInput(1)) {
    (void)node.input(1, DType::Bool);
    condition =
        Tensor::ofConstant(node.constant(1, "the condition of the loop"));
  }
  std::vector<Tensor> values;
  for (size_t i = 0; i < carried; ++i)
    values.push_back(node.input(i + 2));
  std::vector<std::vector<Tensor>> scans(body.outputs.size() - 1 - carried);
  for (int64_t trip = 0; trip < trips; ++trip) {
    auto isRunning = findCondition(condition);
    if (!isRunning)
      node.fail(
          "the condition that the body gives must be known when importing");
    if (!*isRunning)
      break;
    if (trip == maxIterations)
      node.fail("a loop of more than " + std::to_string(maxIterations) +
                " iterations is not supported");
    std::vector<Tensor> inputs = {
        Tensor::ofConstant(Constant::ofInts("trip", DType::I64, {}, trip)),
        condition};
    llvm::append_range(inputs, values);
    std::vector<Tensor> outputs = node.importGraph(body, inputs);
    condition = outputs[0];
    for (size_t i = 0; i < carried; ++i)
      values[i] = outputs[i + 1];
    for (auto [i, scan] : llvm::enumerate(scans))
      scan.push_back(outputs[1 + carried + i]);
  }
  for (size_t i = 0; i < node.numOutputs(); ++i)
    if (node.wantsOutput(i))
      node.setOutput(i,
                     i < carried ? values[i] : stack(node, scans[i - carried]));
}

ArrayRef<Operator> qnt::onnx::getControlFlowOperators() {
  static const Operator operators[] = {
      {"If", 11, importIf,
       "a condition known at run time alone with branches whose results differ "
       "in shape",
       "", /*isPure=*/false},
      {"Loop", 11, importLoop,
       "a number of iterations or a condition not known when importing; more "
       "than 1024 iterations",
       "", /*isPure=*/false},
  };
  return operators;
}

//===----------------------------------------------------------------------===//
// Functions of the model
//===----------------------------------------------------------------------===//

const FunctionProto *Importer::findFunction(const NodeProto &proto) const {
  for (const FunctionProto &function : model.functions)
    if (function.name == proto.opType && function.domain == proto.domain &&
        function.overload == proto.overload)
      return &function;
  return nullptr;
}

/// `nodes` with the attributes that refer to those of the function's call.
static std::vector<NodeProto>
resolveReferences(ArrayRef<NodeProto> nodes, ArrayRef<AttributeProto> given) {
  std::vector<NodeProto> result(nodes.begin(), nodes.end());
  for (NodeProto &node : result) {
    std::vector<AttributeProto> attributes;
    for (AttributeProto &attribute : node.attributes) {
      for (GraphProto &graph : attribute.graph)
        graph.nodes = resolveReferences(graph.nodes, given);
      if (attribute.reference.empty()) {
        attributes.push_back(std::move(attribute));
        continue;
      }
      // One that the call leaves out is left out here too.
      for (const AttributeProto &value : given)
        if (value.name == attribute.reference) {
          attributes.push_back(value);
          attributes.back().name = attribute.name;
          break;
        }
    }
    node.attributes = std::move(attributes);
  }
  return result;
}

void Importer::inlineFunction(Node &node, const FunctionProto &function) {
  if (++depth > maxDepth)
    node.fail("functions call each other more than " +
              std::to_string(maxDepth) + " deep");
  llvm::scope_exit leave([&] { --depth; });
  std::vector<AttributeProto> attributes = node.proto.attributes;
  llvm::append_range(attributes, function.attributeDefaults);
  if (node.numInputs() > function.inputs.size())
    node.fail("the function takes " + std::to_string(function.inputs.size()) +
              " inputs, got " + std::to_string(node.numInputs()));
  std::vector<NodeProto> nodes = resolveReferences(function.nodes, attributes);
  Scope scope;
  scope.opsets = &function.opsets;
  scope.prefix = node.label + ".";
  llvm::DenseSet<StringRef> missing;
  for (auto [i, name] : llvm::enumerate(function.inputs))
    if (node.hasInput(i))
      scope.values[name] = node.inputs[i];
    else
      missing.insert(name);
  for (auto [i, inner] : llvm::enumerate(nodes)) {
    // An input that the call leaves out is one that the node leaves out.
    for (StringRef &name : inner.inputs)
      if (missing.contains(name))
        name = "";
    importNode(inner, scope, i);
  }
  for (auto [i, name] : llvm::enumerate(function.outputs)) {
    if (!node.wantsOutput(i))
      continue;
    const Tensor *tensor = scope.find(name);
    if (!tensor)
      node.fail("output '" + name.str() +
                "' of the function is given by no "
                "node");
    node.setOutput(i, *tensor);
  }
}
