//===- GGUF.h - import of GGUF files ----------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GGUF_H
#define QNT_IMPORT_GGUF_H

#include "qnt/Import/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

namespace qnt {

/// Reads a GGUF file, version 2 or 3, of the architectures llama, qwen2 and
/// qwen3: a causal language model by docs/ir.md. Parameters are converted into
/// the safetensors file `options.paramsPath`, floats as they are, quantised
/// tensors exactly, as !qnt.tensor (docs/gguf.md); the tokenizer and settings
/// of the chat into JSON files beside it. Whatever the importer does not
/// understand is an error of one line on the context's diagnostics, which names
/// the file and the key or tensor. Loads the dialects it needs.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importGGUF(llvm::StringRef path, mlir::MLIRContext *context,
           const ImportOptions &options);

} // namespace qnt

#endif // QNT_IMPORT_GGUF_H
