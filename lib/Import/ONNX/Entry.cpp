//===- Entry.cpp - inputs, outputs and parameters of the model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Error.h"
#include "Importer.h"

#include "qnt/Params/SafeTensors.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Why `info` is no tensor that an argument can be; empty when it can.
static std::string findRefusal(const ValueInfoProto &info) {
  if (!info.otherType.empty())
    return "it is " + info.otherType.str() + ", expected a tensor";
  try {
    DType dtype = getDType(info.dataType);
    if (dtype == DType::I4 || dtype == DType::U4)
      return "element type " + getName(dtype).str() + " is not supported";
    if (!info.shape)
      return "its rank is not known";
    SmallVector<int64_t> sizes;
    for (const DimProto &dim : *info.shape)
      sizes.push_back(dim.value.value_or(1));
    onnx::countElements(sizes);
    return "";
  } catch (const ImportError &error) {
    return error.what();
  }
}

Tensor Importer::declareInput(const ValueInfoProto &info) {
  std::string name = info.name.str();
  Tensor tensor;
  tensor.refusal = findRefusal(info);
  if (!tensor.refusal.empty())
    return tensor;
  tensor.dtype = getDType(info.dataType);
  MLIRContext *context = builder.getContext();
  SmallVector<int64_t> shape;
  SmallVector<StringRef> names;
  SmallVector<std::string> owned;
  for (auto [i, dim] : llvm::enumerate(*info.shape)) {
    shape.push_back(dim.value.value_or(ShapedType::kDynamic));
    owned.push_back(dim.value           ? ""
                    : dim.param.empty() ? name + ".dim" + std::to_string(i)
                                        : dim.param.str());
  }
  for (const std::string &dim : owned)
    names.push_back(dim);
  auto type =
      RankedTensorType::get(shape, onnx::getElementType(tensor.dtype, context));
  Location loc = NameLoc::get(builder.getStringAttr(name));
  unsigned index = function.getNumArguments();
  SmallVector<NamedAttribute> attributes = {
      builder.getNamedAttr("qnt.name", builder.getStringAttr(name)),
      builder.getNamedAttr("qnt.dims", builder.getStrArrayAttr(names))};
  if (isUnsigned(tensor.dtype))
    attributes.push_back(builder.getNamedAttr(
        "qnt.dtype", builder.getStringAttr(onnx::getName(tensor.dtype))));
  (void)function.insertArgument(index, type,
                                builder.getDictionaryAttr(attributes), loc);
  tensor.value = function.getArgument(index);
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (!ShapedType::isDynamic(dim)) {
      tensor.dims.push_back(dim);
      continue;
    }
    auto [entry, isNew] = namedDims.try_emplace(owned[i]);
    if (isNew)
      entry->second = dims.addAtom(
          owned[i], tensor::DimOp::create(builder, loc, tensor.value, i));
    tensor.dims.push_back(entry->second);
  }
  return tensor;
}

Tensor Importer::bindInput(const ValueInfoProto &info,
                           const std::string &file) {
  std::string name = info.name.str();
  try {
    if (!info.otherType.empty())
      throw ImportError("it is " + info.otherType.str() +
                        ", expected a tensor");
    ConstantRef constant = readNpyConstant(file, name, getDType(info.dataType));
    bool fits =
        !info.shape || int64_t(info.shape->size()) == constant->getRank();
    for (int64_t i = 0; fits && info.shape && i < constant->getRank(); ++i)
      fits = (*info.shape)[i].value.value_or(constant->getShape()[i]) ==
             constant->getShape()[i];
    if (!fits)
      throw ImportError(file + " has a shape other than the input's");
    return Tensor::ofConstant(constant);
  } catch (const std::exception &error) {
    throw ImportError(path + ": input '" + name + "': " + error.what());
  }
}

void Importer::declareInputs(Scope &scope) {
  llvm::StringMap<std::string> bindings;
  for (auto &[name, file] : options.bindings)
    bindings[name] = file;
  for (const ValueInfoProto &info : model.graph->inputs) {
    // Up to IR version 3 initialisers are listed among the inputs.
    if (scope.values.contains(info.name))
      continue;
    auto binding = bindings.find(info.name);
    if (binding == bindings.end()) {
      scope.values[info.name] = declareInput(info);
      continue;
    }
    scope.values[info.name] = bindInput(info, binding->second);
    bindings.erase(binding);
  }
  if (!bindings.empty())
    throw ImportError(path + ": there is no input '" +
                      bindings.begin()->first().str() + "' to bind");
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

/// Removes ops of the function whose results nobody uses, then globals.
static void removeDead(ModuleOp module, func::FuncOp function) {
  SmallVector<Operation *> ops;
  for (Operation &op : function.getBody().front().without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
  DenseSet<StringAttr> used;
  function.walk([&](ml_program::GlobalLoadConstOp load) {
    used.insert(load.getGlobal().getRootReference());
  });
  for (auto global :
       llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>()))
    if (!used.contains(global.getSymNameAttr()))
      global.erase();
}

void Importer::finish(Scope &scope) {
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> attributes;
  if (model.graph->outputs.empty())
    throw ImportError(path + ": the graph has no outputs");
  for (const ValueInfoProto &info : model.graph->outputs) {
    std::string name = info.name.str();
    const Tensor *tensor = scope.find(info.name);
    if (!tensor)
      throw ImportError(path + ": output '" + name + "' is given by no node");
    if (!tensor->refusal.empty())
      throw ImportError(path + ": output '" + name + "': " + tensor->refusal);
    if (tensor->dtype == DType::I4 || tensor->dtype == DType::U4)
      throw ImportError(path + ": output '" + name + "': element type " +
                        getName(tensor->dtype).str() + " is not supported");
    Location loc = NameLoc::get(builder.getStringAttr(name));
    results.push_back(materialize(*tensor, loc, /*asParameter=*/false));
    SmallVector<NamedAttribute> named = {
        builder.getNamedAttr("qnt.name", builder.getStringAttr(name))};
    if (isUnsigned(tensor->dtype))
      named.push_back(builder.getNamedAttr(
          "qnt.dtype", builder.getStringAttr(onnx::getName(tensor->dtype))));
    attributes.push_back(builder.getDictionaryAttr(named));
  }
  func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  function.setType(builder.getFunctionType(function.getArgumentTypes(),
                                           TypeRange(ValueRange(results))));
  for (auto [i, dictionary] : llvm::enumerate(attributes))
    function.setResultAttrs(i, dictionary);
  removeDead(module, function);
}

void Importer::writeParameters() {
  SmallVector<ConstantRef> used;
  std::vector<params::SafeTensorsWriter::Entry> entries;
  auto add = [&](std::string name, ConstantRef constant, params::DType dtype,
                 ArrayRef<int64_t> shape) {
    used.push_back(std::move(constant));
    entries.push_back({std::move(name), dtype, shape.vec()});
  };
  for (auto global : module.getOps<ml_program::GlobalOp>()) {
    std::string name = global.getSymName().str();
    auto type = dyn_cast<QTensorType>(global.getType());
    if (!type) {
      const ConstantRef &constant = parameters[name];
      add(name, constant, getStoredType(constant->getDType()),
          constant->getShape());
      continue;
    }
    const QuantizedConstant &constant = *quantizedParameters[name];
    add(name + ".codes", constant.getStoredCodes(), params::DType::U8,
        type.getShape());
    add(name + ".scales", constant.scales, params::DType::F32,
        type.getScaleShape());
    if (constant.zeros)
      add(name + ".zeros", constant.zeros,
          constant.isSigned ? params::DType::I8 : params::DType::U8,
          type.getScaleShape());
  }
  if (used.empty())
    return;
  if (options.paramsPath.empty())
    throw ImportError(path + ": no file is named for the parameters");
  if (files.has(options.paramsPath))
    throw ImportError(path + ": the parameters would replace " +
                      options.paramsPath +
                      ", which holds the model's own: expected another name "
                      "for the output");
  params::SafeTensorsWriter writer(options.paramsPath, std::move(entries));
  for (const ConstantRef &constant : used) {
    Constant::Bytes bytes = constant->bytes();
    writer.write(std::as_bytes(
        std::span<const char>(bytes.get(), constant->byteSize())));
  }
  writer.finish();
  module->setAttr("qnt.params", builder.getStringAttr(options.paramsPath));
  module->setAttr("qnt.params_sha256", builder.getStringAttr(writer.sha256()));
}

void Importer::run() {
  Location loc = builder.getUnknownLoc();
  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, loc, "main",
                                  builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  Scope scope;
  scope.opsets = &model.opsets;
  importGraph(*model.graph, scope);
  finish(scope);
  writeParameters();
  module->setAttr("qnt.model", builder.getDictionaryAttr(builder.getNamedAttr(
                                   "kind", builder.getStringAttr("graph"))));
}
