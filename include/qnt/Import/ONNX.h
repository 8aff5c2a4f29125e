//===- ONNX.h - import of ONNX models ---------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_H
#define QNT_IMPORT_ONNX_H

#include "qnt/Import/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace qnt {

/// Reads an ONNX file (opset 13 to 23 of the default domain) and the files of
/// external data beside it. Returns a module with one entry @main, by
/// docs/ir.md and docs/onnx.md: layers as nn ops, everything else as linalg and
/// tensor ops. Initialisers that are used go to options.paramsPath, which is
/// written only then. options.bindings make inputs of the graph constants
/// and tell dimensions.
/// Whatever the importer does not understand is an error of one line on the
/// context's diagnostics, which names the file, the node and its operator.
/// Loads the dialects it needs.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importONNX(llvm::StringRef path, mlir::MLIRContext *context,
           const ImportOptions &options);

/// As `importONNX`, of a file in memory. `path` stands for its path: errors
/// name it, and external data is looked for beside it.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importONNX(llvm::StringRef bytes, llvm::StringRef path,
           mlir::MLIRContext *context, const ImportOptions &options);

/// Prints docs/onnx-operators.md: the operators that are imported, from which
/// opset on, and what of them is refused.
void printONNXOperators(llvm::raw_ostream &os);

} // namespace qnt

#endif // QNT_IMPORT_ONNX_H
