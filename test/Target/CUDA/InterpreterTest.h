//===- InterpreterTest.h - what kernels are to compute -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_TARGET_CUDA_INTERPRETERTEST_H
#define QNT_TEST_TARGET_CUDA_INTERPRETERTEST_H

#include "qnt/Interpreter/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

namespace qnt::test {

/// "tensor<2x3xf32>".
inline std::string getType(llvm::ArrayRef<int64_t> shape,
                           llvm::StringRef element = "f32") {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + element.str() + ">";
}

inline interp::Datum floats(llvm::ArrayRef<int64_t> shape,
                            const std::vector<float> &numbers) {
  return interp::Tensor::ofFloats(shape, numbers);
}

/// The results of function @f of `text`. A text that does not parse or run is a
/// mistake of the test.
inline std::vector<interp::Datum> interpret(mlir::MLIRContext &context,
                                            llvm::StringRef text,
                                            std::vector<interp::Datum> args) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module) {
    llvm::outs() << text << "\n";
    std::exit(1);
  }
  auto results = interp::Interpreter(*module, nullptr).run("f", args);
  if (mlir::failed(results))
    std::exit(1);
  return {results->begin(), results->end()};
}

/// Its only result, of floats.
inline std::vector<float> interpretFloats(mlir::MLIRContext &context,
                                          llvm::StringRef text,
                                          std::vector<interp::Datum> args) {
  auto results = interpret(context, text, std::move(args));
  return std::get<interp::Tensor>(results.front()).toFloats();
}

} // namespace qnt::test

#endif // QNT_TEST_TARGET_CUDA_INTERPRETERTEST_H
