//===- LowerToCPU.cpp - entry points, manifest, and the pass -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModuleLowering.h"

#include "qnt/Runtime/Module.h"
#include "qnt/Target/CPU/Codegen.h"
#include "qnt/Target/CPU/Layouts.h"
#include "qnt/Target/CPU/Passes.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

namespace qnt::cpu {
#define GEN_PASS_DEF_LOWERTOCPUPASS
#define GEN_PASS_DEF_LOWERKERNELSTOLLVMPASS
#include "qnt/Target/CPU/Passes.h.inc"
} // namespace qnt::cpu

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

int64_t qnt::cpu::getCacheBytesPerPosition(nn::KVCacheType cache) {
  return cache.getLayers() * CacheGeometry{cache.getHeads(), cache.getHeadDim(),
                                           cache.getElementType()}
                                 .bytesPerPosition();
}

int64_t qnt::cpu::getCacheBytes(nn::KVCacheType cache, int64_t positions) {
  return llvm::alignTo(positions, kLanes) * getCacheBytesPerPosition(cache);
}

//===----------------------------------------------------------------------===//
// JSON of attributes
//===----------------------------------------------------------------------===//

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

/// `declared` is qnt.dtype of an argument or result: signless integers do not
/// tell their sign.
static std::string dtypeName(Type type, Attribute declared) {
  if (auto text = dyn_cast_if_present<StringAttr>(declared))
    return text.str();
  if (type.isInteger(1))
    return "bool";
  if (type.isInteger())
    return "i" + std::to_string(type.getIntOrFloatBitWidth());
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

/// A function of the module ABI, visible to the table of entries only.
static LLVM::LLVMFuncOp createEntry(ModuleLowering &module, Location loc,
                                    const std::string &name, Type result,
                                    ArrayRef<Type> args) {
  OpBuilder b(module.lib.module.getContext());
  b.setInsertionPointToEnd(module.lib.module.getBody());
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, name, LLVM::LLVMFunctionType::get(result, args));
  function.setVisibility_(LLVM::Visibility::Hidden);
  function.addEntryBlock(b);
  return function;
}

LogicalResult qnt::cpu::lowerEntry(ModuleLowering &module,
                                   func::FuncOp function,
                                   llvm::json::Array &entries) {
  std::string name = function.getName().str();
  const FunctionSymbols &symbols = module.symbols.at(name);
  llvm::json::Array dims, inputs, outputs;
  for (const FunctionSymbols::Symbol &symbol : symbols.symbols) {
    if (symbol.name.empty())
      return function.emitError("argument ")
             << symbol.argument << " of entry point '" << name
             << "' has a dynamic dimension without a name in qnt.dims";
    dims.push_back(symbol.name);
  }
  auto describe = [&](Type type, ArrayRef<Dim> shape, StringRef tensorName,
                      Attribute dtype) {
    return llvm::json::Object{
        {"name", tensorName.str()},
        {"dtype", dtypeName(getElementTypeOrSelf(type), dtype)},
        {"shape", symbols.describe(shape)}};
  };
  auto nameOf = [](Attribute attr, const char *kind, unsigned i) {
    auto text = dyn_cast_if_present<StringAttr>(attr);
    return text ? text.str() : kind + std::to_string(i);
  };
  auto checkDType = [&](Type type, Attribute dtype) {
    unsigned width = 0;
    auto text = dyn_cast_if_present<StringAttr>(dtype);
    bool isUnsigned = text && text.getValue().starts_with("u") &&
                      !text.getValue().drop_front().getAsInteger(10, width);
    return !dtype ||
           (isUnsigned && getElementTypeOrSelf(type).isInteger(width));
  };
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (!checkDType(function.getArgumentTypes()[i],
                    function.getArgAttr(i, "qnt.dtype")))
      return function.emitError("argument ")
             << i << " of entry point '" << name << "' is "
             << function.getArgumentTypes()[i] << ", which qnt.dtype "
             << function.getArgAttr(i, "qnt.dtype") << " does not fit";
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (!checkDType(function.getResultTypes()[i],
                    function.getResultAttr(i, "qnt.dtype")))
      return function.emitError("result ")
             << i << " of entry point '" << name << "' is "
             << function.getResultTypes()[i] << ", which qnt.dtype "
             << function.getResultAttr(i, "qnt.dtype") << " does not fit";
  bool hasCache = false;
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    if (isa<nn::KVCacheType>(argument.getType())) {
      hasCache = true;
      continue;
    }
    inputs.push_back(
        describe(argument.getType(), symbols.getDims(argument),
                 nameOf(function.getArgAttr(i, "qnt.name"), "input", i),
                 function.getArgAttr(i, "qnt.dtype")));
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    outputs.push_back(
        describe(function.getResultTypes()[i], symbols.getResultDims(i),
                 nameOf(function.getResultAttr(i, "qnt.name"), "output", i),
                 function.getResultAttr(i, "qnt.dtype")));
  if (hasCache)
    dims.push_back("max_length");

  Builder types(function.getContext());
  Type pointer = LLVM::LLVMPointerType::get(function.getContext());
  Type i32 = types.getI32Type(), i64 = types.getI64Type();
  std::string symbol = ("qnt_" + module.lib.isa.name + "_" + name).str();

  auto run = createEntry(module, function.getLoc(), symbol, i32,
                         SmallVector<Type>(7, pointer));
  OpBuilder b = OpBuilder::atBlockBegin(&run.getBody().front());
  KernelBuilder k(b, function.getLoc(), module.lib.isa);
  ValueRange args = run.getArguments();
  auto loadSymbols = [&](KernelBuilder &k, Value array) {
    SmallVector<Value> values;
    for (unsigned i = 0; i < symbols.getNumSymbols(); ++i)
      values.push_back(k.load(k.i64(), k.at(array, 8 * i), 8));
    return values;
  };
  SmallVector<Value> call{args[0], args[1], args[6]};
  llvm::append_range(call, loadSymbols(k, args[4]));
  unsigned input = 0;
  for (BlockArgument argument : function.getArguments()) {
    if (isa<nn::KVCacheType>(argument.getType())) {
      call.push_back(args[5]);
      Value length =
          k.load(k.i64(), k.at(args[4], 8 * symbols.getNumSymbols()), 8);
      call.push_back(k.roundUp(length, kLanes));
      continue;
    }
    call.push_back(k.load(k.ptr(), k.at(args[2], 8 * input++), 8));
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    call.push_back(k.load(k.ptr(), k.at(args[3], 8 * i), 8));
  k.call(module.bodies.at(name), call);
  LLVM::ReturnOp::create(b, k.loc, ValueRange{k.c32(0)});

  auto arena =
      createEntry(module, function.getLoc(), symbol + "_arena", i64, {pointer});
  OpBuilder arenaBuilder = OpBuilder::atBlockBegin(&arena.getBody().front());
  KernelBuilder a(arenaBuilder, function.getLoc(), module.lib.isa);
  Value bytes =
      emitFrameBytes(module, a, name, loadSymbols(a, arena.getArgument(0)));
  LLVM::ReturnOp::create(arenaBuilder, a.loc, ValueRange{bytes});

  auto sizes = createEntry(module, function.getLoc(), symbol + "_dims",
                           LLVM::LLVMVoidType::get(function.getContext()),
                           {pointer, pointer});
  OpBuilder sizesBuilder = OpBuilder::atBlockBegin(&sizes.getBody().front());
  KernelBuilder s(sizesBuilder, function.getLoc(), module.lib.isa);
  SmallVector<Value> values = loadSymbols(s, sizes.getArgument(0));
  int64_t place = 0;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    for (Dim dim : symbols.getResultDims(i))
      s.store(symbols.table.emit(s, dim, values),
              s.at(sizes.getArgument(1), 8 * place++), 8);
  LLVM::ReturnOp::create(sizesBuilder, s.loc, ValueRange());

  entries.push_back(llvm::json::Object{{"name", name},
                                       {"dims", std::move(dims)},
                                       {"inputs", std::move(inputs)},
                                       {"outputs", std::move(outputs)},
                                       {"kv", hasCache}});
  return success();
}

/// kv_bytes(batch, max_length).
static void emitCacheSize(ModuleLowering &module) {
  Builder types(module.source.getContext());
  Type i64 = types.getI64Type();
  auto function = createEntry(
      module, module.source.getLoc(),
      ("qnt_" + module.lib.isa.name + "_kv_bytes").str(), i64, {i64, i64});
  OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
  KernelBuilder k(b, function.getLoc(), module.lib.isa);
  int64_t perPosition =
      module.cache ? getCacheBytesPerPosition(module.cache) : 0;
  Value bytes = k.mul(k.mul(function.getArgument(0),
                            k.roundUp(function.getArgument(1), kLanes)),
                      k.c64(perPosition));
  LLVM::ReturnOp::create(b, k.loc, ValueRange{bytes});
}

//===----------------------------------------------------------------------===//
// The passes
//===----------------------------------------------------------------------===//

namespace {

struct LowerToCPU : cpu::impl::LowerToCPUPassBase<LowerToCPU> {
  using LowerToCPUPassBase::LowerToCPUPassBase;

  void runOnOperation() override {
    ModuleOp source = getOperation();
    const ISA *target = isa == "native" ? &getNativeISA() : findISA(isa);
    if (!target) {
      source.emitError("unknown instruction set '")
          << isa << "', expected avx512vnni, avx2, portable or native";
      return signalPassFailure();
    }
    OwningOpRef<ModuleOp> lowered = ModuleOp::create(source.getLoc());
    ModuleLowering module(source, *lowered, *target);
    if (failed(lower(module)))
      return signalPassFailure();
    source.getBody()->clear();
    source.getBody()->getOperations().splice(
        source.getBody()->end(), lowered->getBody()->getOperations());
  }

  LogicalResult lower(ModuleLowering &module) {
    SmallVector<func::FuncOp> order;
    if (failed(sortFunctions(module.source, order)))
      return failure();
    for (func::FuncOp function : order) {
      auto symbols = FunctionSymbols::analyze(function, module.symbols);
      if (failed(symbols))
        return failure();
      module.symbols[function.getName().str()] = std::move(*symbols);
    }
    if (failed(findCache(module, order)))
      return failure();
    nameSymbols(module, order);
    llvm::json::Array entries;
    for (func::FuncOp function : order) {
      if (failed(lowerFunction(module, function)))
        return failure();
      if (function.isPublic() && failed(lowerEntry(module, function, entries)))
        return failure();
    }
    emitCacheSize(module);
    describe(module, std::move(entries));
    return success();
  }

  /// The one cache of the model: entry points get one pointer for it, and
  /// kv_bytes knows one size.
  LogicalResult findCache(ModuleLowering &module,
                          ArrayRef<func::FuncOp> order) {
    func::FuncOp owner;
    for (func::FuncOp function : order) {
      if (!function.isPublic())
        continue;
      nn::KVCacheType own;
      for (Type type : function.getArgumentTypes()) {
        auto cache = dyn_cast<nn::KVCacheType>(type);
        if (!cache)
          continue;
        if (own)
          return function.emitError("entry point '")
                 << function.getName()
                 << "' has two KV caches, expected one at most";
        own = cache;
      }
      if (!own)
        continue;
      if (module.cache && own != module.cache)
        return function.emitError("the KV cache of entry point '")
               << function.getName() << "' is " << own << ", but that of '"
               << owner.getName() << "' is " << module.cache
               << ": a model has one";
      module.cache = own;
      owner = function;
    }
    return success();
  }

  /// Callees before callers.
  LogicalResult sortFunctions(ModuleOp source,
                              SmallVectorImpl<func::FuncOp> &order) {
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
  void nameSymbols(ModuleLowering &module, ArrayRef<func::FuncOp> order) {
    for (func::FuncOp function : llvm::reverse(order)) {
      const FunctionSymbols &symbols =
          module.symbols.at(function.getName().str());
      function.walk([&](func::CallOp call) {
        FunctionSymbols &callee = module.symbols.at(call.getCallee().str());
        SmallVector<Dim> actual = symbols.getCallSymbols(call, callee);
        for (auto [symbol, dim] : llvm::zip(callee.symbols, actual))
          if (symbol.name.empty())
            symbol.name = symbols.getName(dim);
      });
    }
  }

  void describe(ModuleLowering &module, llvm::json::Array entries) {
    llvm::json::Object manifest;
    manifest["abi"] = QNT_MODULE_ABI;
    manifest["producer"] = "qnt " QNT_VERSION;
    auto model = module.source->getAttrOfType<DictionaryAttr>("qnt.model");
    Attribute kind = model ? model.get("kind") : Attribute();
    manifest["kind"] = kind ? toJson(kind) : "graph";
    if (model)
      manifest["model"] = toJson(model);
    if (Attribute recipe = module.source->getAttr("qnt.quantization"))
      manifest["quantization"] = toJson(recipe);
    llvm::json::Array params;
    for (const std::string &name : module.params)
      params.push_back(name);
    manifest["params"] = std::move(params);
    int64_t bytes = 0;
    for (auto &[name, size] : module.weightBytes)
      bytes += size;
    manifest["ideal_bytes"] = llvm::json::Object{
        {"params", bytes},
        {"kv_per_token",
         module.cache ? getCacheBytesPerPosition(module.cache) : 0}};
    if (nn::KVCacheType cache = module.cache) {
      Type element = cache.getElementType();
      std::string format = (element.isInteger() ? "int" : "f") +
                           std::to_string(element.getIntOrFloatBitWidth());
      manifest["kv_cache"] =
          llvm::json::Object{{"format", format},
                             {"layers", cache.getLayers()},
                             {"heads", cache.getHeads()},
                             {"head_dim", cache.getHeadDim()}};
    }
    manifest["entries"] = std::move(entries);
    manifest["ops"] = std::move(module.ops);
    std::string text;
    llvm::raw_string_ostream(text) << llvm::json::Value(std::move(manifest));
    module.source->setAttr("qnt.manifest",
                           StringAttr::get(&getContext(), text));
  }
};

struct LowerKernelsToLLVM
    : cpu::impl::LowerKernelsToLLVMPassBase<LowerKernelsToLLVM> {
  void runOnOperation() override {
    if (failed(lowerToLLVM(getOperation())))
      signalPassFailure();
  }
};

} // namespace
