//===- interpret.cpp - one function in the interpreter, on files ----------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// interpret MODULE ENTRY IN.npz OUT [BATCH POSITIONS]: arguments are the arrays
// of IN.npz called as their qnt.name; result i goes to OUT.i.npy. A cache
// argument is empty, of BATCH sequences and POSITIONS positions. bf16 arrays
// are read and written as f32. An array with more rows than a static argument
// takes is cut into that many; results come one after the other.
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

/// Rows of call `index` of `calls`, where there is more than one.
static support::NpyArray part(const support::NpyArray &array, int64_t index,
                              int64_t calls) {
  if (calls == 1 || array.shape.empty() || array.shape[0] % calls)
    return array;
  support::NpyArray rows{array.type, array.shape, {}};
  rows.shape[0] /= calls;
  size_t size = array.bytes.size() / size_t(calls);
  rows.bytes.assign(array.bytes.begin() + index * size,
                    array.bytes.begin() + (index + 1) * size);
  return rows;
}

static std::string nameOf(func::FuncOp function, unsigned index) {
  return function.getArgAttrOfType<StringAttr>(index, "qnt.name").str();
}

/// Result `index` of all calls. `dtype` is its qnt.dtype, for unsigned
/// integers.
static void write(const std::string &path,
                  const std::vector<std::vector<interp::Tensor>> &outputs,
                  size_t index, StringAttr dtype) {
  static const std::map<std::string, NpyType> types = {
      {"f64", NpyType::F64},  {"f32", NpyType::F32}, {"f16", NpyType::F16},
      {"bf16", NpyType::F32}, {"i1", NpyType::Bool}, {"i8", NpyType::I8},
      {"i16", NpyType::I16},  {"i32", NpyType::I32}, {"i64", NpyType::I64},
      {"u8", NpyType::U8},    {"u16", NpyType::U16}, {"u32", NpyType::U32},
      {"u64", NpyType::U64}};
  const interp::Tensor &first = outputs.front()[index];
  NpyType type =
      types.at(dtype ? dtype.str() : interp::stringify(first.getKind()).str());
  std::vector<std::byte> bytes;
  for (const auto &results : outputs) {
    const interp::Tensor &tensor = results[index];
    std::vector<float> floats;
    std::span<const std::byte> more(
        reinterpret_cast<const std::byte *>(tensor.data()),
        size_t(tensor.size()) * interp::byteWidth(tensor.getKind()));
    if (tensor.getKind() == ElementKind::BF16) {
      floats = tensor.toFloats();
      more = std::as_bytes(std::span(floats));
    }
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  SmallVector<int64_t> shape(first.getShape());
  if (outputs.size() > 1)
    shape[0] *= int64_t(outputs.size());
  support::writeNpy(path, type, shape, bytes);
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
  // Calls that it takes to go through the rows of all arrays.
  int64_t calls = 1;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      const auto &shape = inputs.at(nameOf(function, i)).shape;
      if (tensor.getRank() && !shape.empty() && tensor.getDimSize(0) > 0)
        calls = std::max(calls, shape[0] / tensor.getDimSize(0));
    }
  std::vector<std::vector<interp::Tensor>> outputs;
  interp::Interpreter interpreter(*module, *params);
  for (int64_t call = 0; call < calls; ++call) {
    llvm::SmallVector<interp::Datum> args;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      if (auto cache = dyn_cast<nn::KVCacheType>(type))
        args.push_back(interp::KVCache::create(cache, std::atoi(argv[5]),
                                               std::atoi(argv[6])));
      else
        args.push_back(
            toTensor(part(inputs.at(nameOf(function, i)), call, calls), type));
    }
    auto results = interpreter.run(argv[2], args);
    if (failed(results))
      return 1;
    outputs.emplace_back();
    for (const interp::Datum &result : *results)
      outputs.back().push_back(std::get<interp::Tensor>(result));
  }
  for (size_t i = 0; i < outputs.front().size(); ++i)
    write(std::string(argv[4]) + "." + std::to_string(i) + ".npy", outputs, i,
          function.getResultAttrOfType<StringAttr>(i, "qnt.dtype"));
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
