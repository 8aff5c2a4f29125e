//===- TokenCount.h - ids of a tokenizer against a model --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GRAPH_TOKENCOUNT_H
#define QNT_IMPORT_GRAPH_TOKENCOUNT_H

#include <cstdint>
#include <string>
#include <string_view>

namespace qnt::importer {

/// One more than the largest id of a tokenizer.json, without building the
/// tokenizer: a model may be compiled without its text being processed here.
/// `where` names the text in errors. Throws ImportError or FileError.
int64_t countTokens(std::string_view text, const std::string &where);

/// Throws ImportError when the model embeds fewer than `tokens`.
void checkTokenCount(int64_t tokens, int64_t vocab, const std::string &where);

} // namespace qnt::importer

#endif // QNT_IMPORT_GRAPH_TOKENCOUNT_H
