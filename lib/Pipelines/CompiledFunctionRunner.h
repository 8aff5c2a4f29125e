//===- CompiledFunctionRunner.h - calls functions of passes -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_COMPILEDFUNCTIONRUNNER_H
#define QNT_LIB_PIPELINES_COMPILEDFUNCTIONRUNNER_H

#include "qnt/Analysis/FunctionRunner.h"

namespace qnt {

/// Compiles functions for this machine, in temporary folders that go when they
/// do. Parameters are evaluated into a file there, and mapped.
class CompiledFunctionRunner : public FunctionRunner {
public:
  mlir::FailureOr<std::vector<NamedTensors>>
  readSamples(mlir::ModuleOp model, const SampleSet &samples,
              llvm::ArrayRef<std::string> others) override;
  mlir::FailureOr<std::unique_ptr<LoadedFunction>>
  load(mlir::ModuleOp module, llvm::StringRef function) override;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_COMPILEDFUNCTIONRUNNER_H
