//===- Cases.h - small ONNX models and their data ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_IMPORT_ONNX_CASES_H
#define QNT_TEST_IMPORT_ONNX_CASES_H

#include "mlir/IR/BuiltinOps.h"

#include <nlohmann/json.hpp>

namespace qnt::test {

/// What a case ends with instead of outputs: "refused" or "failed", and why.
struct Failure {
  const char *kind;
  std::string message;
};

const nlohmann::json &findInput(const nlohmann::json &job,
                                const std::string &name);

/// The raw elements of an input, of which there are `count` of `width` bytes.
std::string readInput(const nlohmann::json &input, int64_t count,
                      int64_t width);

/// Writes output `index` of the case and describes it.
nlohmann::json writeOutput(const nlohmann::json &job, size_t index,
                           llvm::StringRef kind, llvm::ArrayRef<int64_t> shape,
                           llvm::StringRef bytes);

/// Compiles for the instruction set job["compile"] and runs through the
/// runtime: the answer's outputs. `message` holds the first diagnostic once
/// compiling fails.
nlohmann::json runCompiled(mlir::ModuleOp module, const nlohmann::json &job,
                           const std::string &message);

} // namespace qnt::test

#endif // QNT_TEST_IMPORT_ONNX_CASES_H
