//===- ModelFile.h - writes compiled models -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_MODELFILE_H
#define QNT_LIB_PIPELINES_MODELFILE_H

#include "Descriptor.h"

#include "qnt/Target/CPU/ISA.h"

#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// Deletes files that are in the way of nothing once the compilation ends.
struct TemporaryFiles {
  std::vector<std::string> paths;
  ~TemporaryFiles();
  mlir::FailureOr<std::string> create(mlir::Operation *op,
                                      llvm::StringRef suffix);
};

/// What a target makes of a module: object files of the variants, the manifest
/// without what only the written parameters tell, and for GPUs their kernels
/// and constants.
struct ModelCode {
  std::string manifest;
  llvm::SmallVector<Descriptor::Variant> variants;
  std::vector<std::string> objects;
  /// For code that any host of the objects runs.
  const cpu::ISA *isa = nullptr;
  std::string kernels, constants;
};

/// Writes bytes under `path`, whole or not at all.
mlir::LogicalResult writeFile(mlir::Operation *op, llvm::StringRef path,
                              llvm::StringRef bytes);

/// Links `code` with a table, the module's assets and, with `embed`, the
/// parameters to the shared object `output`. `commitParams` puts the parameters
/// in their place just before it comes to its own.
mlir::LogicalResult
writeModel(mlir::ModuleOp module, const ModelCode &code, llvm::StringRef output,
           llvm::StringRef params, bool embed,
           llvm::function_ref<mlir::LogicalResult()> commitParams);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_MODELFILE_H
