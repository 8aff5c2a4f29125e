//===- ModuleLowering.cpp - functions on tensors to host code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModuleLowering.h"

#include "qnt/Runtime/Module.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::target;

static llvm::json::Value toJson(Attribute attr) {
  if (auto dictionary = dyn_cast<DictionaryAttr>(attr)) {
    llvm::json::Object object;
    for (NamedAttribute entry : dictionary)
      object[entry.getName().str()] = toJson(entry.getValue());
    return object;
  }
  if (auto array = dyn_cast<ArrayAttr>(attr)) {
    llvm::json::Array list;
    for (Attribute element : array)
      list.push_back(toJson(element));
    return list;
  }
  if (auto array = dyn_cast<DenseI64ArrayAttr>(attr))
    return llvm::json::Array(array.asArrayRef());
  if (auto boolean = dyn_cast<BoolAttr>(attr))
    return boolean.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attr))
    return integer.getInt();
  if (auto number = dyn_cast<FloatAttr>(attr))
    return number.getValueAsDouble();
  if (auto text = dyn_cast<StringAttr>(attr))
    return text.str();
  return nullptr;
}

LogicalResult ModuleLowering::run() {
  if (failed(sortFunctions()))
    return failure();
  for (func::FuncOp function : order) {
    auto analyzed = FunctionSymbols::analyze(function, symbols);
    if (failed(analyzed))
      return failure();
    symbols[function.getName().str()] = std::move(*analyzed);
  }
  if (failed(findCache()))
    return failure();
  nameSymbols();
  llvm::json::Array entries;
  for (func::FuncOp function : order) {
    if (failed(lowerFunction(function)))
      return failure();
    if (!function.isPublic())
      continue;
    if (failed(describeEntry(function, entries)))
      return failure();
    emitEntry(function);
  }
  emitCacheSize();
  writeManifest(std::move(entries));
  return success();
}

/// The one cache of the model: entry points get one pointer for it, and
/// kv_bytes knows one size.
LogicalResult ModuleLowering::findCache() {
  func::FuncOp owner;
  for (func::FuncOp function : order) {
    if (!function.isPublic())
      continue;
    nn::KVCacheType own;
    for (Type type : function.getArgumentTypes()) {
      auto found = dyn_cast<nn::KVCacheType>(type);
      if (!found)
        continue;
      if (own)
        return function.emitError("entry point '")
               << function.getName()
               << "' has two KV caches, expected one at most";
      own = found;
    }
    if (!own)
      continue;
    if (cache && own != cache)
      return function.emitError("the KV cache of entry point '")
             << function.getName() << "' is " << own << ", but that of '"
             << owner.getName() << "' is " << cache << ": a model has one";
    cache = own;
    owner = function;
  }
  return success();
}

LogicalResult ModuleLowering::sortFunctions() {
  llvm::DenseMap<Operation *, int> state;
  std::function<LogicalResult(func::FuncOp)> visit =
      [&](func::FuncOp function) -> LogicalResult {
    int &mark = state[function];
    if (mark == 2)
      return success();
    if (mark == 1)
      return function.emitError("recursive calls have no lowering");
    if (function.isExternal() || !function.getBody().hasOneBlock())
      return function.emitError("expected a function of one block");
    mark = 1;
    LogicalResult status = success();
    function.walk([&](func::CallOp call) {
      auto callee = source.lookupSymbol<func::FuncOp>(call.getCallee());
      if (failed(status) || !callee || failed(visit(callee)))
        status = failure();
    });
    state[function] = 2;
    order.push_back(function);
    return status;
  };
  for (auto function : source.getOps<func::FuncOp>())
    if (function.isPublic() && failed(visit(function)))
      return failure();
  return success();
}

/// Names the symbols of private functions after those of their first caller.
void ModuleLowering::nameSymbols() {
  for (func::FuncOp function : llvm::reverse(order)) {
    const FunctionSymbols &caller = symbols.at(function.getName().str());
    function.walk([&](func::CallOp call) {
      FunctionSymbols &callee = symbols.at(call.getCallee().str());
      SmallVector<Dim> actual = caller.getCallSymbols(call, callee);
      for (auto [symbol, dim] : llvm::zip(callee.symbols, actual))
        if (symbol.name.empty())
          symbol.name = caller.getName(dim);
    });
  }
}

void ModuleLowering::writeManifest(llvm::json::Array entries) {
  llvm::json::Object manifest;
  manifest["abi"] = QNT_MODULE_ABI;
  manifest["producer"] = "qnt " QNT_VERSION;
  auto model = source->getAttrOfType<DictionaryAttr>("qnt.model");
  Attribute kind = model ? model.get("kind") : Attribute();
  manifest["kind"] = kind ? toJson(kind) : "graph";
  if (model)
    manifest["model"] = toJson(model);
  if (Attribute recipe = source->getAttr("qnt.quantization"))
    manifest["quantization"] = toJson(recipe);
  llvm::json::Array names;
  for (const std::string &name : params)
    names.push_back(name);
  manifest["params"] = std::move(names);
  int64_t bytes = 0;
  for (auto &[name, size] : weightBytes)
    bytes += size;
  manifest["ideal_bytes"] = llvm::json::Object{
      {"params", bytes},
      {"kv_per_token", cache ? getCacheBytesPerPosition(cache) : 0}};
  if (cache) {
    Type element = cache.getElementType();
    std::string format = (element.isInteger() ? "int" : "f") +
                         std::to_string(element.getIntOrFloatBitWidth());
    manifest["kv_cache"] = llvm::json::Object{{"format", format},
                                              {"layers", cache.getLayers()},
                                              {"heads", cache.getHeads()},
                                              {"head_dim", cache.getHeadDim()}};
  }
  manifest["entries"] = std::move(entries);
  manifest["ops"] = std::move(ops);
  describe(manifest);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(manifest));
  source->setAttr("qnt.manifest", StringAttr::get(source.getContext(), text));
}

Value ModuleLowering::emitFrameBytes(CodeBuilder &k, StringRef function,
                                     ValueRange values) const {
  return LLVM::CallOp::create(k.b, k.loc, frames.at(function.str()), values)
      .getResult();
}
