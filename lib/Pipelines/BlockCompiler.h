//===- BlockCompiler.h - code and parameters of blocks -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_BLOCKCOMPILER_H
#define QNT_LIB_PIPELINES_BLOCKCOMPILER_H

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace qnt {

/// Compiles modules one after the other for this machine, those that compute
/// the same once.
class BlockCompiler {
public:
  /// Files go to `folder`, which is created, and the caller's to remove.
  explicit BlockCompiler(std::string folder) : folder(std::move(folder)) {}

  /// Evaluates the parameters of `module` into a file and compiles the rest,
  /// unless it has done that before. Answers the path of a shared object, with
  /// its parameters beside it until the next call. Changes the module.
  mlir::FailureOr<std::string> compile(mlir::ModuleOp module);

private:
  std::string folder;
  /// Of what is left of a module once its parameters are numbers.
  std::map<std::string, std::string> paths;
  std::string lastParams;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_BLOCKCOMPILER_H
