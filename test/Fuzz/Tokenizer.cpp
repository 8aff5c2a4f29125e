//===- Tokenizer.cpp - fuzzes tokenizers ---------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Bytes that start with '{' are tokenizer.json, and after NUL bytes
// tokenizer_config.json and generation_config.json; others are a SentencePiece
// model.
//===----------------------------------------------------------------------===//
#include "Fuzz.h"

#include "qnt/Tokenize/Tokenizer.h"

#include <algorithm>

using namespace qnt;
using namespace qnt::tokenize;

/// Words, marks, digits, spaces, scripts, special tokens, and bytes that are no
/// UTF-8.
constexpr std::string_view texts[] = {
    "",
    "a",
    "Hello, world! It's 12345 don't\n\tnaive  ",
    "caf\xC3\xA9 \xE4\xB8\x96\xE7\x95\x8C \xF0\x9F\x98\x80 e\xCC\x81",
    "<s>[CLS] a<unk> b</s>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\xFF\xC3(\xE2\x96\x81\x00\x7F",
};

static void use(const Tokenizer &tokenizer) {
  for (std::string_view text : texts)
    for (bool special : {false, true})
      try {
        std::vector<int32_t> ids = tokenizer.encode(text, special);
        for (bool skip : {false, true})
          tokenizer.decode(ids, skip);
        StreamDecoder stream(tokenizer);
        for (int32_t id : ids)
          stream.push(id);
        stream.finish();
      } catch (const TokenizerError &error) {
        fuzz::checkError(error.what());
      }
  int64_t size = tokenizer.size();
  for (int64_t id = -1; id <= std::min<int64_t>(size, 300); ++id)
    try {
      auto token = tokenizer.idToToken(int32_t(id));
      if (token)
        tokenizer.tokenToId(*token);
      tokenizer.decode({int32_t(id)});
    } catch (const TokenizerError &error) {
      fuzz::checkError(error.what());
    }
}

bool fuzz::readInput(std::string_view input) {
  try {
    if (!input.starts_with('{')) {
      use(*Tokenizer::fromSentencePiece(input));
      return true;
    }
    std::vector<std::string> files = splitTexts(input);
    files.resize(std::max<size_t>(files.size(), 3));
    auto tokenizer = Tokenizer::fromJson(files[0]);
    use(*tokenizer);
    TokenizerConfig::parse(files[1], files[2], *tokenizer);
    return true;
  } catch (const TokenizerError &error) {
    checkError(error.what());
    return false;
  }
}
