//===- interpret.cpp - one function in the interpreter, on files ----------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// interpret MODULE ENTRY IN.npz OUT [BATCH POSITIONS]: arguments are the arrays
// of IN.npz called as their qnt.name; result i goes to OUT.i.npy. A cache
// argument is empty, of BATCH sequences and POSITIONS positions. bf16 arrays
// are read and written as f32.
//===----------------------------------------------------------------------===//
#include "qnt/InitAll.h"
#include "qnt/Interpreter/Interpreter.h"
#include "qnt/Support/Npy.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"

#include <cstdio>
#include <cstring>
#include <map>

using namespace mlir;
using namespace qnt;

using interp::ElementKind;
using support::NpyType;

/// Signless integers stand for both signs; bf16 arrays are read and written as
/// f32.
static interp::Tensor toTensor(const support::NpyArray &array, Type type) {
  auto kind = interp::getElementKind(getElementTypeOrSelf(type));
  if (!kind)
    throw support::FileError("expected an argument of numbers");
  if (kind == ElementKind::BF16) {
    std::vector<float> floats = array.toFloats();
    std::vector<double> values(floats.begin(), floats.end());
    return interp::Tensor::ofFloats(*kind, array.shape, values);
  }
  bool isFloat = array.type <= NpyType::F64;
  if (support::byteWidth(array.type) != interp::byteWidth(*kind) ||
      isFloat != interp::isFloat(*kind))
    throw support::FileError("expected an array of " +
                             interp::stringify(*kind).str() + ", got " +
                             std::string(support::name(array.type)));
  std::shared_ptr<char[]> bytes(new char[array.bytes.size() + 1]);
  std::memcpy(bytes.get(), array.bytes.data(), array.bytes.size());
  return interp::Tensor::ofBytes(
      *kind, array.shape, std::shared_ptr<const char>(bytes, bytes.get()));
}

/// `dtype` is the result's qnt.dtype, for unsigned integers.
static void write(const std::string &path, const interp::Tensor &tensor,
                  StringAttr dtype) {
  static const std::map<std::string, NpyType> types = {
      {"f64", NpyType::F64},  {"f32", NpyType::F32}, {"f16", NpyType::F16},
      {"bf16", NpyType::F32}, {"i1", NpyType::Bool}, {"i8", NpyType::I8},
      {"i16", NpyType::I16},  {"i32", NpyType::I32}, {"i64", NpyType::I64},
      {"u8", NpyType::U8},    {"u16", NpyType::U16}, {"u32", NpyType::U32},
      {"u64", NpyType::U64}};
  NpyType type =
      types.at(dtype ? dtype.str() : interp::stringify(tensor.getKind()).str());
  std::vector<float> floats;
  std::span<const std::byte> bytes(
      reinterpret_cast<const std::byte *>(tensor.data()),
      size_t(tensor.size()) * interp::byteWidth(tensor.getKind()));
  if (tensor.getKind() == ElementKind::BF16) {
    floats = tensor.toFloats();
    bytes = std::as_bytes(std::span(floats));
  }
  support::writeNpy(path, type, tensor.getShape(), bytes);
}

static int run(int argc, char **argv) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!module)
    return 1;
  auto function = module->lookupSymbol<func::FuncOp>(argv[2]);
  auto params = interp::openParams(*module);
  if (!function || failed(params))
    return 1;
  auto inputs = support::readNpz(argv[3]);
  llvm::SmallVector<interp::Datum> args;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (auto cache = dyn_cast<nn::KVCacheType>(type)) {
      args.push_back(interp::KVCache::create(cache, std::atoi(argv[5]),
                                             std::atoi(argv[6])));
      continue;
    }
    auto name = function.getArgAttrOfType<StringAttr>(i, "qnt.name");
    args.push_back(toTensor(inputs.at(name.str()), type));
  }
  interp::Interpreter interpreter(*module, *params);
  auto results = interpreter.run(argv[2], args);
  if (failed(results))
    return 1;
  for (auto [i, result] : llvm::enumerate(*results)) {
    write(std::string(argv[4]) + "." + std::to_string(i) + ".npy",
          std::get<interp::Tensor>(result),
          function.getResultAttrOfType<StringAttr>(i, "qnt.dtype"));
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 5 && argc != 7)
    return 2;
  try {
    return run(argc, argv);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "interpret: %s\n", error.what());
    return 1;
  }
}
