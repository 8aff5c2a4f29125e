//===- Text.h - a model's tokenizer -----------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_TEXT_H
#define QNT_TOOLS_QUANTRUN_TEXT_H

#include "Model.h"
#include "qnt/Tokenize/Tokenizer.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace qnt::run {

/// The tokenizer, special tokens and chat template that a model carries.
struct Text {
  /// Throws RunError when there is no tokenizer.
  explicit Text(const Model &model);

  /// Ids of `text`. Throws RunError when one is not in the model's vocabulary:
  /// then the tokenizer is another model's.
  std::vector<int32_t> encode(std::string_view text,
                              bool addSpecial = false) const;

  /// `prompt` as the user's turn after `system` (may be empty), in the model's
  /// chat template. Throws RunError when the model has none.
  std::string chat(const std::string &system, const std::string &prompt) const;

  std::unique_ptr<tokenize::Tokenizer> tokenizer;
  tokenize::TokenizerConfig config;
  /// Ids that end a sequence.
  std::set<int32_t> stops;

private:
  std::string path;
  int64_t vocab;
};

/// The bytes of a file. Throws RunError.
std::string readFile(const std::string &path);

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_TEXT_H
