//===- HuggingFace.h - import of checkpoint folders -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_H
#define QNT_IMPORT_HUGGINGFACE_H

#include "qnt/Import/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

namespace qnt {

/// Reads a HuggingFace checkpoint: a folder with config.json, safetensors
/// (sharded or not) and, where it has them, tokenizer files. Returns a module
/// by docs/ir.md: a causal language model with @prefill, @decode and @score, or
/// an encoder with @forward and, where modules.json asks for mean pooling,
/// @embed. Parameters stay in the checkpoint; f16, bf16 and f64 are converted
/// to f32 where they are used. Whatever the importer does not understand is an
/// error of one line on the context's diagnostics, which names the file and
/// the key or tensor. Loads the dialects it needs.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importHuggingFace(llvm::StringRef folder, mlir::MLIRContext *context,
                  const ImportOptions &options = {});

} // namespace qnt

#endif // QNT_IMPORT_HUGGINGFACE_H
