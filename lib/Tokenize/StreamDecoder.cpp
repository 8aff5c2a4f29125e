//===- StreamDecoder.cpp - text as tokens arrive --------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Tokenize/Tokenizer.h"

namespace qnt::tokenize {

// The text of the ids since `prefix` is compared with that of the ids already
// `read`: decoders treat the first token of a sequence specially, so a token
// must not be decoded without what stands before it.

std::string StreamDecoder::push(int32_t id) {
  ids.push_back(id);
  std::string text = tokenizer.decode(ids);
  // A trailing U+FFFD may be the first bytes of a character.
  if (text.size() <= seen || text.ends_with("\xEF\xBF\xBD"))
    return "";
  std::string fresh = text.substr(seen);
  ids.erase(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(read));
  read = ids.size();
  seen = tokenizer.decode(ids).size();
  return fresh;
}

std::string StreamDecoder::finish() {
  std::string text = tokenizer.decode(ids);
  std::string fresh = text.size() > seen ? text.substr(seen) : "";
  ids.clear();
  read = seen = 0;
  return fresh;
}

} // namespace qnt::tokenize
