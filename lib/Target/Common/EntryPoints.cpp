//===- EntryPoints.cpp - entry points of the module ABI -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModuleLowering.h"

#include "CodeBuilder.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::target;

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

/// A function of the module ABI, visible to the table of entries only.
LLVM::LLVMFuncOp ModuleLowering::createEntry(Location loc,
                                             const std::string &name,
                                             Type result, ArrayRef<Type> args) {
  OpBuilder b(host.getContext());
  b.setInsertionPointToEnd(host.getBody());
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, name, LLVM::LLVMFunctionType::get(result, args));
  function.setVisibility_(LLVM::Visibility::Hidden);
  function.addEntryBlock(b);
  return function;
}

LogicalResult ModuleLowering::describeEntry(func::FuncOp function,
                                            llvm::json::Array &entries) {
  std::string name = function.getName().str();
  const FunctionSymbols &symbols = this->symbols.at(name);
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
  entries.push_back(llvm::json::Object{{"name", name},
                                       {"dims", std::move(dims)},
                                       {"inputs", std::move(inputs)},
                                       {"outputs", std::move(outputs)},
                                       {"kv", hasCache}});
  return success();
}

void ModuleLowering::emitEntry(func::FuncOp function) {
  std::string name = function.getName().str();
  const FunctionSymbols &symbols = this->symbols.at(name);
  Builder types(function.getContext());
  Type pointer = LLVM::LLVMPointerType::get(function.getContext());
  Type i32 = types.getI32Type(), i64 = types.getI64Type();
  std::string symbol = "qnt_" + version + "_" + name;

  auto run = createEntry(function.getLoc(), symbol, i32,
                         SmallVector<Type>(7, pointer));
  OpBuilder b = OpBuilder::atBlockBegin(&run.getBody().front());
  CodeBuilder k(b, function.getLoc());
  ValueRange args = run.getArguments();
  auto loadSymbols = [&](CodeBuilder &k, Value array) {
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
      call.push_back(k.roundUp(length, kPadding));
      continue;
    }
    call.push_back(k.load(k.ptr(), k.at(args[2], 8 * input++), 8));
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    call.push_back(k.load(k.ptr(), k.at(args[3], 8 * i), 8));
  k.call(bodies.at(name), call);
  LLVM::ReturnOp::create(b, k.loc, ValueRange{k.c32(0)});

  auto arena =
      createEntry(function.getLoc(), symbol + "_arena", i64, {pointer});
  OpBuilder arenaBuilder = OpBuilder::atBlockBegin(&arena.getBody().front());
  CodeBuilder a(arenaBuilder, function.getLoc());
  Value bytes = emitFrameBytes(a, name, loadSymbols(a, arena.getArgument(0)));
  LLVM::ReturnOp::create(arenaBuilder, a.loc, ValueRange{bytes});

  auto sizes = createEntry(function.getLoc(), symbol + "_dims",
                           LLVM::LLVMVoidType::get(function.getContext()),
                           {pointer, pointer});
  OpBuilder sizesBuilder = OpBuilder::atBlockBegin(&sizes.getBody().front());
  CodeBuilder s(sizesBuilder, function.getLoc());
  SmallVector<Value> values = loadSymbols(s, sizes.getArgument(0));
  int64_t place = 0;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    for (Dim dim : symbols.getResultDims(i))
      s.store(symbols.table.emit(s, dim, values),
              s.at(sizes.getArgument(1), 8 * place++), 8);
  LLVM::ReturnOp::create(sizesBuilder, s.loc, ValueRange());
}

/// kv_bytes(batch, max_length).
void ModuleLowering::emitCacheSize() {
  Builder types(source.getContext());
  Type i64 = types.getI64Type();
  auto function = createEntry(source.getLoc(), "qnt_" + version + "_kv_bytes",
                              i64, {i64, i64});
  OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
  CodeBuilder k(b, function.getLoc());
  int64_t perPosition = cache ? getCacheBytesPerPosition(cache) : 0;
  Value bytes = k.mul(k.mul(function.getArgument(0),
                            k.roundUp(function.getArgument(1), kPadding)),
                      k.c64(perPosition));
  LLVM::ReturnOp::create(b, k.loc, ValueRange{bytes});
}
