//===- Importer.cpp - from nodes to ops -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Importer.h"

#include "Error.h"
#include "Layers.h"
#include "ShapeFold.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MLProgram/IR/MLProgramAttributes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

const Tensor *Scope::find(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->parent) {
    auto entry = scope->values.find(name);
    if (entry != scope->values.end())
      return &entry->second;
  }
  return nullptr;
}

Importer::Importer(ModuleOp module, const ModelProto &model,
                   std::shared_ptr<void> owner, std::string path,
                   const ImportOptions &options)
    : module(module), model(model), owner(std::move(owner)),
      path(std::move(path)), options(options), files(this->path),
      builder(module.getContext()) {}

bool Importer::isGraphInput(StringRef name) const {
  return llvm::any_of(model.graph->inputs,
                      [&](auto &info) { return info.name == name; });
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

Tensor Importer::read(const TensorProto &tensor, StringRef what) {
  std::string name = tensor.name.str();
  try {
    return Tensor::ofConstant(readTensor(tensor, name, files, owner));
  } catch (const std::exception &error) {
    // Types that no op reads may lie unused in the file.
    Tensor refused;
    refused.refusal = what.str() + " '" + name + "': " + error.what();
    return refused;
  }
}

void Importer::importGraph(const GraphProto &graph, Scope &scope) {
  if (graph.hasSparseInitializers)
    throw ImportError(path + ": graph '" + graph.name.str() +
                      "' has sparse initialisers, which are not supported");
  for (const TensorProto &tensor : graph.initializers) {
    if (scope.values.contains(tensor.name))
      throw ImportError(path + ": initialiser '" + tensor.name.str() +
                        "' is there twice");
    scope.values[tensor.name] = read(tensor, "initialiser");
  }
  if (!scope.parent)
    declareInputs(scope);
  for (auto [i, node] : llvm::enumerate(graph.nodes))
    importNode(node, scope, i);
}

int64_t Importer::findVersion(const NodeProto &proto, const Scope &scope,
                              const std::string &label) const {
  for (const OpsetId &opset : *scope.opsets)
    if (opset.domain == proto.domain)
      return opset.version;
  throw ImportError(path + ": node '" + label + "' (" + proto.opType.str() +
                    "): the model imports no opset of the domain '" +
                    proto.domain.str() + "'");
}

void Importer::importNode(const NodeProto &proto, Scope &scope, size_t index) {
  std::string label =
      scope.prefix + (proto.name.empty()
                          ? proto.opType.str() + "_" + std::to_string(index)
                          : proto.name.str());
  constexpr int64_t maxNodes = 1000000;
  if (++nodeCount > maxNodes)
    throw ImportError(path + ": node '" + label + "' (" + proto.opType.str() +
                      "): more than " + std::to_string(maxNodes) +
                      " nodes when loops are unrolled and functions inlined");
  std::vector<Tensor> inputs;
  for (StringRef name : proto.inputs) {
    const Tensor *tensor = name.empty() ? nullptr : scope.find(name);
    if (!name.empty() && !tensor)
      throw ImportError(path + ": node '" + label + "' (" + proto.opType.str() +
                        "): input '" + name.str() +
                        "' is given by no input, initialiser or earlier node");
    inputs.push_back(tensor ? *tensor : Tensor());
  }
  int64_t version = findVersion(proto, scope, label);
  Node node(*this, scope, proto, label, version, std::move(inputs));
  try {
    if (const FunctionProto *function = findFunction(proto))
      inlineFunction(node, *function);
    else
      importOperator(node);
  } catch (const ImportError &error) {
    // What helpers say names no node.
    if (StringRef(error.what()).starts_with(path))
      throw;
    node.fail(error.what());
  }
  for (auto [i, name] : llvm::enumerate(proto.outputs)) {
    if (name.empty())
      continue;
    if (!node.outputs[i])
      node.fail("output " + std::to_string(i) + " ('" + name.str() +
                "') is not supported");
    if (!scope.values.try_emplace(name, std::move(*node.outputs[i])).second)
      node.fail("the value '" + name.str() + "' is there already");
    scope.producers[name] = &proto;
  }
}

void Importer::importOperator(Node &node) {
  const Operator *op = findOperator(node.proto.domain, node.opType());
  if (!op)
    node.fail("the operator is not supported" +
              (node.proto.domain.empty()
                   ? std::string()
                   : " (domain " + node.proto.domain.str() + ")"));
  if (op->domain.empty() && node.version() > maxOpset)
    node.fail("opset " + std::to_string(node.version()) +
              " is not supported, expected at most " +
              std::to_string(maxOpset));
  if (node.version() < op->since)
    node.fail("the operator of opset " + std::to_string(node.version()) +
              " is not supported, expected " + std::to_string(op->since) +
              " or newer");
  if (foldShapes(node))
    return;
  if (op->isPure && foldConstants(node, *op))
    return;
  if (op->domain.empty() && importAsLayer(node, node.scope))
    return;
  op->import(node);
  node.checkAttributes();
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// A splat constant with the first element of `bytes`.
static Value createSplat(OpBuilder &builder, Location loc,
                         RankedTensorType type, const char *bytes) {
  Type element = type.getElementType();
  Attribute value;
  if (element.isInteger(1))
    value = builder.getBoolAttr(*bytes != 0);
  auto attribute =
      value ? DenseElementsAttr::get(type, value)
            : DenseElementsAttr::getFromRawBuffer(
                  type, ArrayRef(bytes, element.getIntOrFloatBitWidth() / 8));
  return arith::ConstantOp::create(builder, loc, attribute);
}

/// `name`, or with a number where the store keeps it for itself, or `name` with
/// one of `parts` is taken; then none is free any more.
std::string Importer::chooseName(const std::string &name,
                                 ArrayRef<StringLiteral> parts) {
  bool isReserved =
      name.empty() || name == "main" || StringRef(name).starts_with("__");
  for (unsigned i = 0;; ++i) {
    std::string chosen =
        i == 0 && !isReserved
            ? name
            : "constant." + name + (i ? "." + std::to_string(i) : "");
    bool isTaken = llvm::any_of(parts, [&](StringRef part) {
      return storedNames.contains(chosen + part.str());
    });
    if (isTaken)
      continue;
    for (StringRef part : parts)
      storedNames.insert(chosen + part.str());
    return chosen;
  }
}

Value Importer::loadGlobal(StringRef name, Type type, Location loc) {
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(function);
    ml_program::GlobalOp::create(
        builder, loc, builder.getStringAttr(name), type, /*is_mutable=*/false,
        ml_program::ExternAttr::get(builder.getContext(), type),
        builder.getStringAttr("private"));
  }
  return ml_program::GlobalLoadConstOp::create(
      builder, loc, type, SymbolRefAttr::get(builder.getContext(), name));
}

Value Importer::loadParameter(const ConstantRef &constant, Location loc) {
  auto type = RankedTensorType::get(
      constant->getShape(),
      onnx::getElementType(constant->getDType(), builder.getContext()));
  std::string &symbol = symbols[constant.get()];
  if (symbol.empty()) {
    symbol = chooseName(constant->getName(), StringLiteral(""));
    parameters[symbol] = constant;
  }
  return loadGlobal(symbol, type, loc);
}

Value Importer::loadQuantized(const QuantizedRef &constant, QTensorType type,
                              Location loc) {
  std::string &symbol = symbols[constant.get()];
  if (symbol.empty()) {
    symbol = chooseName(constant->codes->getName(),
                        {"", ".codes", ".scales", ".zeros"});
    quantizedParameters[symbol] = constant;
  }
  return DequantizeOp::create(
      builder, loc,
      RankedTensorType::get(type.getShape(), builder.getF32Type()),
      loadGlobal(symbol, type, loc));
}

Value Importer::materialize(const Tensor &tensor, Location loc,
                            bool asParameter) {
  if (tensor.value)
    return tensor.value;
  MLIRContext *context = builder.getContext();
  RankedTensorType type = tensor.getType(context);
  if (tensor.constant) {
    if (scratchArguments) {
      auto &[constant, argument] = (*scratchArguments)[tensor.constant.get()];
      if (!argument) {
        constant = tensor.constant;
        argument = builder.getBlock()->addArgument(type, loc);
      }
      return argument;
    }
    if (asParameter && tensor.quantized)
      if (QTensorType codes = tensor.quantized->getType(context))
        return loadQuantized(tensor.quantized, codes, loc);
    if (tensor.constant->size() == 0)
      return tensor::EmptyOp::create(builder, loc, type.getShape(),
                                     type.getElementType());
    if (!asParameter && tensor.constant->isSplat())
      return createSplat(builder, loc, type, tensor.constant->bytes().get());
    return loadParameter(tensor.constant, loc);
  }
  SmallVector<Value> elements;
  for (const Dim &element : *tensor.elements)
    elements.push_back(
        arith::IndexCastOp::create(builder, loc, type.getElementType(),
                                   dims.materialize(element, builder, loc)));
  return tensor::FromElementsOp::create(builder, loc, type, elements);
}
