//===- interpret.cpp - one function in the interpreter, on files ----------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// interpret MODULE ENTRY IN.npz OUT [BATCH POSITIONS]: arguments are the arrays
// of IN.npz called as their qnt.name; result i goes to OUT.i.npy. A cache
// argument is empty, of BATCH sequences and POSITIONS positions.
//===----------------------------------------------------------------------===//
#include "qnt/InitAll.h"
#include "qnt/Interpreter/Interpreter.h"
#include "qnt/Support/Npy.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <cstdio>
#include <cstring>

using namespace mlir;
using namespace qnt;

static interp::Tensor toTensor(const support::NpyArray &array) {
  auto kind = array.type == support::NpyType::I32 ? interp::ElementKind::I32
                                                  : interp::ElementKind::F32;
  if (kind == interp::ElementKind::F32 && array.type != support::NpyType::F32)
    throw support::FileError("expected f32 and i32 arrays");
  std::shared_ptr<char[]> bytes(new char[array.bytes.size()]);
  std::memcpy(bytes.get(), array.bytes.data(), array.bytes.size());
  return interp::Tensor::ofBytes(
      kind, array.shape, std::shared_ptr<const char>(bytes, bytes.get()));
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
    args.push_back(toTensor(inputs.at(name.str())));
  }
  interp::Interpreter interpreter(*module, *params);
  auto results = interpreter.run(argv[2], args);
  if (failed(results))
    return 1;
  for (auto [i, result] : llvm::enumerate(*results)) {
    auto &tensor = std::get<interp::Tensor>(result);
    auto type = tensor.getKind() == interp::ElementKind::I32
                    ? support::NpyType::I32
                    : support::NpyType::F32;
    std::span<const std::byte> bytes(
        reinterpret_cast<const std::byte *>(tensor.data()),
        size_t(tensor.size() * 4));
    support::writeNpy(std::string(argv[4]) + "." + std::to_string(i) + ".npy",
                      type, tensor.getShape(), bytes);
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
