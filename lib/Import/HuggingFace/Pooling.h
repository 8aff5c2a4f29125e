//===- Pooling.h - sentence embeddings of an encoder ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_POOLING_H
#define QNT_IMPORT_HUGGINGFACE_POOLING_H

#include "Checkpoint.h"

namespace qnt::huggingface {

/// What follows the encoder: the mean over tokens.
struct Pooling {
  /// Whether embeddings are scaled to unit length.
  bool normalize = false;
};

/// Reads modules.json, which sentence-transformers writes; no value where the
/// folder has none, or no pooling in it. Throws ImportError for modules other
/// than a transformer, mean pooling and normalisation.
std::optional<Pooling> readPooling(const Checkpoint &checkpoint,
                                   int64_t hiddenSize);

} // namespace qnt::huggingface

#endif // QNT_IMPORT_HUGGINGFACE_POOLING_H
