//===- qnt-onnx-cases.cpp - runs many small ONNX models ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads lines of JSON from standard input, each a case:
//
//   {"name": "test_add", "model": "model.onnx", "folder": "scratch",
//    "inputs": [{"name": "x", "shape": [2], "file": "0.bin",
//                "npy": "0.npy"}, ...]}
//
// Imports the model, runs it in the interpreter on the inputs' raw elements,
// and answers with a line: {"name": ..., "outputs": [{"shape": [2], "file":
// "out0.bin"}]}, {"name": ..., "refused": "message"} when the import fails, or
// {"name": ..., "failed": "message"} when the run does. Inputs that the
// importer asks to be bound are bound; with "bind": true, all but the first.
//
//===----------------------------------------------------------------------===//
#include "qnt/Import/ONNX.h"
#include "qnt/Interpreter/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <regex>

using namespace mlir;
using namespace qnt;
using nlohmann::json;

namespace {
struct Failure {
  const char *kind;
  std::string message;
};
} // namespace

static const json &findInput(const json &job, const std::string &name) {
  for (const json &input : job["inputs"])
    if (input["name"] == name)
      return input;
  throw Failure{"failed", "there is no data for the input '" + name + "'"};
}

/// The elements of an argument, as the interpreter keeps them.
static interp::Tensor readInput(const json &job, func::FuncOp function,
                                unsigned index) {
  std::string name =
      function.getArgAttrOfType<StringAttr>(index, "qnt.name").str();
  const json &input = findInput(job, name);
  auto type = cast<RankedTensorType>(function.getArgument(index).getType());
  interp::ElementKind kind = *interp::getElementKind(type.getElementType());
  auto shape = input["shape"].get<std::vector<int64_t>>();
  std::ifstream file(input["file"].get<std::string>(), std::ios::binary);
  auto bytes = std::make_shared<std::string>(
      std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  if (bytes->size() != interp::countElements(shape) * interp::byteWidth(kind))
    throw Failure{"failed", "the data of '" + name + "' has another type"};
  return interp::Tensor::ofBytes(
      kind, shape, std::shared_ptr<const char>(bytes, bytes->data()));
}

/// Imports, with more and more inputs bound.
static OwningOpRef<ModuleOp> importCase(const json &job, MLIRContext &context,
                                        std::string &message) {
  ImportOptions options;
  std::string folder = job["folder"];
  options.paramsPath = folder + "/params.safetensors";
  if (job.value("bind", false))
    for (size_t i = 1; i < job["inputs"].size(); ++i)
      options.bindings.emplace_back(job["inputs"][i]["name"],
                                    job["inputs"][i]["npy"]);
  while (true) {
    message.clear();
    auto module =
        importONNX(job["model"].get<std::string>(), &context, options);
    if (succeeded(module))
      return std::move(*module);
    std::smatch match;
    std::regex request("--bind (.+)=FILE\\.npy");
    if (!std::regex_search(message, match, request))
      throw Failure{"refused", message};
    options.bindings.emplace_back(match[1], findInput(job, match[1])["npy"]);
  }
}

static json runCase(const json &job) {
  MLIRContext context;
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
    return success();
  });
  OwningOpRef<ModuleOp> module = importCase(job, context, message);
  if (!message.empty())
    throw Failure{"failed", message};
  auto function = module->lookupSymbol<func::FuncOp>("main");
  SmallVector<interp::Datum> inputs;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    inputs.push_back(readInput(job, function, i));
  auto params = interp::openParams(*module);
  if (failed(params))
    throw Failure{"failed", message};
  auto results = interp::Interpreter(*module, *params).run("main", inputs);
  if (failed(results))
    throw Failure{"failed", message};
  json outputs = json::array();
  for (auto [i, result] : llvm::enumerate(*results)) {
    const auto &tensor = std::get<interp::Tensor>(result);
    std::string path =
        job["folder"].get<std::string>() + "/out" + std::to_string(i) + ".bin";
    std::ofstream(path, std::ios::binary)
        .write(tensor.data(),
               tensor.size() * interp::byteWidth(tensor.getKind()));
    outputs.push_back({{"file", path},
                       {"kind", interp::stringify(tensor.getKind()).str()},
                       {"shape", tensor.getShape().vec()}});
  }
  return {{"outputs", outputs}};
}

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    json job = json::parse(line), answer;
    try {
      answer = runCase(job);
    } catch (const Failure &failure) {
      answer[failure.kind] = failure.message;
    } catch (const std::exception &error) {
      answer["failed"] = error.what();
    }
    answer["name"] = job["name"];
    std::cout << answer.dump(-1, ' ', false, json::error_handler_t::replace)
              << std::endl;
  }
  return 0;
}
