//===- Assets.h - what travels with a model ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_ASSETS_H
#define QNT_IMPORT_HUGGINGFACE_ASSETS_H

#include "Architectures.h"

namespace qnt::huggingface {

/// The `qnt.assets` attribute: the tokenizer's files and generation settings
/// that the folder has. Throws ImportError for a tokenizer with ids that the
/// embedding has no rows for.
mlir::DictionaryAttr readAssets(const Checkpoint &checkpoint, int64_t vocabSize,
                                mlir::MLIRContext *context);

/// The `qnt.model` attribute. End and begin of a text are taken from
/// generation_config.json where it has them, else from config.json.
mlir::DictionaryAttr readModelAttr(const Checkpoint &checkpoint,
                                   llvm::StringRef architecture,
                                   const ModelInfo &info,
                                   mlir::MLIRContext *context);

} // namespace qnt::huggingface

#endif // QNT_IMPORT_HUGGINGFACE_ASSETS_H
