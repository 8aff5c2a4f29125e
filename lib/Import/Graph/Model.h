//===- Model.h - what an importer says of a model ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GRAPH_MODEL_H
#define QNT_IMPORT_GRAPH_MODEL_H

#include "mlir/IR/BuiltinAttributes.h"

#include <optional>

namespace qnt::importer {

/// Sizes of a model, as the `qnt.model` attribute holds them.
struct ModelInfo {
  llvm::StringRef kind;
  int64_t vocabSize = 0, hiddenSize = 0, layers = 0, maxLength = 0;
  /// Kinds of tokens that an encoder distinguishes; 0 for other models.
  int64_t tokenTypes = 0;
};

/// The `qnt.model` attribute: `eos` ends a text, `bos` begins one.
mlir::DictionaryAttr makeModelAttr(const ModelInfo &info,
                                   llvm::StringRef architecture,
                                   llvm::ArrayRef<int64_t> eos,
                                   std::optional<int64_t> bos,
                                   mlir::MLIRContext *context);

} // namespace qnt::importer

#endif // QNT_IMPORT_GRAPH_MODEL_H
