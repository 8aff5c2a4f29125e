//===- AddedTokens.h - tokens that are found before the model runs -------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_ADDEDTOKENS_H
#define QNT_LIB_TOKENIZE_ADDEDTOKENS_H

#include "Stages.h"

#include <map>
#include <unordered_set>

namespace qnt::tokenize {

/// A stretch of text, or a token found in it.
struct Span {
  size_t begin, end;
  int32_t id; ///< -1: text.
};

/// Finds texts, leftmost first and then longest, by a trie over bytes.
class TextMatcher {
public:
  void add(std::string_view text, int32_t index);
  bool empty() const { return nodes.size() == 1; }
  /// Calls `found(begin, end, index)` for each match, left to right.
  template <typename Found>
  void forEach(std::string_view text, Found found) const {
    for (size_t at = 0; at < text.size();) {
      if (!starts[static_cast<unsigned char>(text[at])]) {
        ++at;
        continue;
      }
      size_t end = at;
      int32_t index = longestAt(text, at, end);
      if (index >= 0)
        found(at, end, index);
      at = index >= 0 ? end : at + 1;
    }
  }

private:
  struct Node {
    int32_t index = -1;
    std::map<unsigned char, uint32_t> next;
  };
  int32_t longestAt(std::string_view text, size_t at, size_t &end) const;
  std::vector<Node> nodes{1};
  std::vector<bool> starts = std::vector<bool>(256, false);
};

/// The `added_tokens` of tokenizer.json.
class AddedTokens {
public:
  /// `normalizer` may be null. Throws TokenizerError.
  AddedTokens(const JsonNode &root, const Vocabulary &vocabulary,
              const Normalizer *normalizer);

  /// Cuts at the tokens whose `normalized` flag is as given.
  std::vector<Span> split(std::string_view text, bool normalized) const;
  const std::string *token(int32_t id) const;
  std::optional<int32_t> find(std::string_view content) const;
  bool isSpecial(std::string_view token) const {
    return special.contains(token);
  }
  /// One more than the largest id.
  size_t size() const { return limit; }

private:
  struct Entry {
    std::string content;
    int32_t id;
    bool special, singleWord, stripLeft, stripRight, normalized;
  };
  std::vector<Entry> entries;
  std::unordered_map<int32_t, size_t> byId;
  std::unordered_set<std::string, StringHash, std::equal_to<>> special;
  TextMatcher plain, normalized;
  size_t limit = 0;
};

} // namespace qnt::tokenize

#endif // QNT_LIB_TOKENIZE_ADDEDTOKENS_H
