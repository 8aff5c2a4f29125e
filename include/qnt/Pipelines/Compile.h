//===- Compile.h - pipelines from models to code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_PIPELINES_COMPILE_H
#define QNT_PIPELINES_COMPILE_H

#include "qnt/Import/Options.h"
#include "qnt/Pipelines/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace qnt {

/// Reads a model: a HuggingFace folder, or .mlir / .mlirbc. Errors go to the
/// context's diagnostics.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
loadModel(llvm::StringRef path, mlir::MLIRContext *context,
          const ImportOptions &options = {});

/// Runs the passes of `recipe` on a float model.
mlir::LogicalResult quantizeModel(mlir::ModuleOp module,
                                  const QuantizeRecipe &recipe);

/// Compiles to `output`: a shared object with its parameters beside it (or,
/// with `embed`, inside it). By extension .ll, .s or .o, writes the code of one
/// instruction set alone, by .ptx, .cubin or .mlir the kernels of a GPU, to be
/// read or inspected: without the manifest and the parameters, it is no model
/// that can be loaded. Output files appear only when they are whole.
mlir::LogicalResult compileModel(mlir::ModuleOp module,
                                 const TargetOptions &target,
                                 llvm::StringRef output, bool embed);

/// The latter part of it, for CPUs: compiles a module whose parameters
/// buildCPUParamsPipeline has written to `params` to the shared object
/// `output`, which takes parameters of that size under the name that
/// getParamsPath gives.
mlir::LogicalResult compileCode(mlir::ModuleOp module,
                                const TargetOptions &target,
                                llvm::StringRef output, llvm::StringRef params);

/// Writes a module as .mlirbc, or else as text; "-" is standard output.
/// Parameters stay in the store that `qnt.params` names, and expressions on
/// them stay expressions.
mlir::LogicalResult writeModule(mlir::ModuleOp module, llvm::StringRef output);

/// The path of the parameters beside `output`: its extension replaced.
std::string getParamsPath(llvm::StringRef output);

/// The whole of `quant-opt`; returns the process's exit status.
int quantOptMain(int argc, char **argv);

} // namespace qnt

#endif // QNT_PIPELINES_COMPILE_H
