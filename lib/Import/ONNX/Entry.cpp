//===- Entry.cpp - inputs, outputs and parameters of the model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DimText.h"
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
    return info.shape ? "" : "its rank is not known";
  } catch (const ImportError &error) {
    return error.what();
  }
}

/// The name of dimension `i`; those without one are named after the input.
static std::string getDimName(const ValueInfoProto &info, size_t i) {
  StringRef name = (*info.shape)[i].param;
  return name.empty() ? info.name.str() + ".dim" + std::to_string(i)
                      : name.str();
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
  SmallVector<std::string> owned;
  for (auto [i, dim] : llvm::enumerate(*info.shape)) {
    std::optional<int64_t> size = dim.value;
    std::string &dimName = owned.emplace_back();
    int64_t bound;
    if (!size) {
      dimName = getDimName(info, i);
      if (!StringRef(boundDims.lookup(dimName)).getAsInteger(10, bound)) {
        size = bound;
        dimName.clear();
      }
    }
    shape.push_back(size.value_or(ShapedType::kDynamic));
    tensor.dims.push_back(Dim(size.value_or(0)));
  }
  try {
    onnx::countElements(llvm::map_to_vector(shape, [](int64_t size) {
      return ShapedType::isDynamic(size) ? 1 : size;
    }));
  } catch (const ImportError &error) {
    tensor.refusal = error.what();
    return tensor;
  }
  for (auto [i, dimName] : llvm::enumerate(owned))
    if (!dimName.empty())
      openDims.push_back({info.name, unsigned(i), dimName});
  SmallVector<StringRef> names(owned.begin(), owned.end());
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
  return tensor;
}

/// Names first, then what names tell of each other; what does not read as an
/// expression of names is a name too.
void Importer::declareDims(Scope &scope) {
  auto find = [&](StringRef name) -> std::optional<Dim> {
    auto known = namedDims.find(name);
    return known == namedDims.end() ? std::nullopt
                                    : std::optional(known->second);
  };
  for (bool areNames : {true, false})
    for (const OpenDim &open : openDims) {
      auto bound = boundDims.find(open.name);
      bool isBound = bound != boundDims.end();
      bool isName = !isBound && StringRef(open.name).find_first_of("+-*/") ==
                                    StringRef::npos;
      if (isName != areNames || namedDims.contains(open.name))
        continue;
      StringRef text = isBound ? bound->second : open.name;
      std::optional<Dim> dim;
      if (!isName)
        dim = parseDim(dims, text, find);
      if (!dim && isBound)
        throw ImportError(path + ": dimension '" + open.name + "': '" +
                          text.str() +
                          "' is no expression of dimensions of inputs");
      Value argument = scope.values[open.input].value;
      namedDims[open.name] =
          dim ? *dim
              : dims.addAtom(open.name,
                             tensor::DimOp::create(builder, argument.getLoc(),
                                                   argument, open.index));
    }
  for (const OpenDim &open : openDims)
    scope.values[open.input].dims[open.index] = namedDims[open.name];
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

void Importer::checkBoundDims() const {
  for (auto &[name, text] : boundDims) {
    bool isKnown = llvm::any_of(model.graph->inputs, [&](auto &info) {
      if (!info.shape)
        return false;
      for (size_t i = 0; i < info.shape->size(); ++i)
        if (!(*info.shape)[i].value && getDimName(info, i) == name)
          return true;
      return false;
    });
    int64_t number;
    if (!isKnown)
      throw ImportError(path + ": inputs have no dimension '" + name.str() +
                        "' to bind");
    if (!StringRef(text).getAsInteger(10, number) && number < 0)
      throw ImportError(path + ": dimension '" + name.str() +
                        "': expected a size, got " + text);
  }
}

void Importer::declareInputs(Scope &scope) {
  llvm::StringMap<std::string> files;
  for (auto &[name, value] : options.bindings)
    (StringRef(value).ends_with(".npy") ? files : boundDims)[name] = value;
  checkBoundDims();
  for (const ValueInfoProto &info : model.graph->inputs) {
    // Up to IR version 3 initialisers are listed among the inputs.
    if (scope.values.contains(info.name))
      continue;
    auto file = files.find(info.name);
    if (file == files.end()) {
      scope.values[info.name] = declareInput(info);
      continue;
    }
    scope.values[info.name] = bindInput(info, file->second);
    files.erase(file);
  }
  if (!files.empty())
    throw ImportError(path + ": there is no input '" +
                      files.begin()->first().str() + "' to bind");
  declareDims(scope);
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
