//===- ChatTemplate.cpp - fuzzes chat templates --------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fuzz.h"

#include "qnt/Tokenize/Tokenizer.h"

using namespace qnt;
using namespace qnt::tokenize;

bool fuzz::readInput(std::string_view input) {
  static const std::vector<Message> talks[] = {
      {},
      {{"user", "Hi"}},
      {{"system", "Be \"brief\".\n"},
       {"user", "caf\xC3\xA9 <b>&amp;\n"},
       {"assistant", " - 12 \xFF"},
       {"user", ""}},
  };
  try {
    ChatTemplate parsed(input);
    bool rendered = false;
    for (const auto &talk : talks)
      for (bool prompt : {false, true})
        try {
          parsed.render(talk, prompt, "<s>", "</s>");
          rendered = true;
        } catch (const TokenizerError &error) {
          checkError(error.what());
        }
    return rendered;
  } catch (const TokenizerError &error) {
    checkError(error.what());
    return false;
  }
}
