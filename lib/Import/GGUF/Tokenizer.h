//===- Tokenizer.h - the tokenizer of a GGUF file as JSON -------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GGUF_TOKENIZER_H
#define QNT_IMPORT_GGUF_TOKENIZER_H

#include "Reader.h"

namespace qnt::gguf {

/// What travels with a model, as HuggingFace files.
struct TokenizerFiles {
  /// tokenizer.json, tokenizer_config.json, generation_config.json; empty where
  /// the file has nothing for them.
  std::string tokenizer, config, generation;
  std::vector<int64_t> eos;
  std::optional<int64_t> bos;
};

/// Converts tokenizer.ggml.* (or takes tokenizer.huggingface.json), the chat
/// template and the ids of special tokens, which are below `vocab`. Throws
/// ImportError for models and pre-tokenizers that are not supported.
TokenizerFiles readTokenizer(const File &file, int64_t vocab);

} // namespace qnt::gguf

#endif // QNT_IMPORT_GGUF_TOKENIZER_H
