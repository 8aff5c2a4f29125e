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
// Imports the model, runs it in the interpreter on the inputs' raw elements, or
// with "compile": "avx2" compiles it for that instruction set and runs it
// between guard pages, and answers with a line: {"name": ..., "outputs":
// [{"shape": [2], "file": "out0.bin"}]},
// {"name": ..., "refused": "message"} when importing or compiling fails, or
// {"name": ..., "failed": "message"} when the run does. Inputs that the
// importer asks to be bound are bound; with "bind": true, all but the first.
//
//===----------------------------------------------------------------------===//
#include "Cases.h"

#include "../../Target/CPU/Guarded.h"

#include "qnt/Import/ONNX.h"
#include "qnt/InitAll.h"
#include "qnt/Interpreter/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <fstream>
#include <iostream>
#include <regex>

using namespace mlir;
using namespace qnt;
using namespace qnt::test;
using nlohmann::json;

const json &qnt::test::findInput(const json &job, const std::string &name) {
  for (const json &input : job["inputs"])
    if (input["name"] == name)
      return input;
  throw Failure{"failed", "there is no data for the input '" + name + "'"};
}

std::string qnt::test::readInput(const json &input, int64_t count,
                                 int64_t width) {
  std::ifstream file(input["file"].get<std::string>(), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file),
                    std::istreambuf_iterator<char>()};
  if (int64_t(bytes.size()) != count * width)
    throw Failure{"failed", "the data of '" + input["name"].get<std::string>() +
                                "' has another type"};
  return bytes;
}

json qnt::test::writeOutput(const json &job, size_t index, StringRef kind,
                            ArrayRef<int64_t> shape, StringRef bytes) {
  std::string path = job["folder"].get<std::string>() + "/out" +
                     std::to_string(index) + ".bin";
  std::ofstream(path, std::ios::binary).write(bytes.data(), bytes.size());
  return {{"file", path}, {"kind", kind.str()}, {"shape", shape.vec()}};
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

static json interpret(ModuleOp module, const json &job,
                      const std::string &message) {
  auto function = module.lookupSymbol<func::FuncOp>("main");
  SmallVector<interp::Datum> inputs;
  for (auto [i, argument] : llvm::enumerate(function.getArguments())) {
    const json &input = findInput(
        job, function.getArgAttrOfType<StringAttr>(i, "qnt.name").str());
    auto type = cast<RankedTensorType>(argument.getType());
    interp::ElementKind kind = *interp::getElementKind(type.getElementType());
    auto shape = input["shape"].get<std::vector<int64_t>>();
    auto bytes = std::make_shared<std::string>(readInput(
        input, interp::countElements(shape), interp::byteWidth(kind)));
    inputs.push_back(interp::Tensor::ofBytes(
        kind, shape, std::shared_ptr<const char>(bytes, bytes->data())));
  }
  auto params = interp::openParams(module);
  if (failed(params))
    throw Failure{"failed", message};
  auto results = interp::Interpreter(module, *params).run("main", inputs);
  if (failed(results))
    throw Failure{"failed", message};
  json outputs = json::array();
  for (auto [i, result] : llvm::enumerate(*results)) {
    const auto &tensor = std::get<interp::Tensor>(result);
    StringRef bytes(tensor.data(),
                    tensor.size() * interp::byteWidth(tensor.getKind()));
    outputs.push_back(writeOutput(job, i, interp::stringify(tensor.getKind()),
                                  tensor.getShape(), bytes));
  }
  return outputs;
}

static json runCase(const json &job, MLIRContext &context) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (message.empty() &&
        diagnostic.getSeverity() == DiagnosticSeverity::Error)
      message = diagnostic.str();
    return success();
  });
  OwningOpRef<ModuleOp> module = importCase(job, context, message);
  if (!message.empty())
    throw Failure{"failed", message};
  auto run = job.contains("compile") ? runCompiled : interpret;
  return {{"outputs", run(*module, job, message)}};
}

int main() {
  reportGuardedFaults();
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  for (std::string line; std::getline(std::cin, line);) {
    json job = json::parse(line), answer;
    try {
      answer = runCase(job, context);
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
