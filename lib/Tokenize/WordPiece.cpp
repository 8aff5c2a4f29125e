//===- WordPiece.cpp - greedy longest pieces of words ---------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Stages.h"
#include "Unicode.h"

#include <algorithm>

namespace qnt::tokenize {

namespace {
/// The longest piece that starts the word, then the longest continuation, and
/// so on; a word that cannot be finished is unknown as a whole.
class WordPiece final : public Model {
public:
  explicit WordPiece(const JsonNode &node)
      : unknown(node.optionalString("unk_token").value_or("[UNK]")),
        prefix(node.optionalString("continuing_subword_prefix").value_or("##")),
        maxCharacters(100) {
    if (auto limit = node.find("max_input_chars_per_word"))
      maxCharacters = limit->integer(0, INT32_MAX);
    JsonNode vocab = node.at("vocab");
    if (!vocab.raw().is_object())
      vocab.fail("expected an object of tokens and ids");
    for (auto it = vocab.raw().begin(); it != vocab.raw().end(); ++it) {
      vocabulary.add(
          it.key(),
          JsonNode(it.value(), vocab.path() + "['" + it.key() + "']").id(),
          vocab);
      longest = std::max(longest, it.key().size());
    }
  }

  void tokenize(std::string_view word,
                std::vector<int32_t> &ids) const override {
    size_t before = ids.size();
    if (countCodePoints(word) > maxCharacters || !appendPieces(word, ids)) {
      ids.resize(before);
      auto id = vocabulary.find(unknown);
      if (!id)
        throw TokenizerError("the unknown token '" + unknown +
                             "' is not in the vocabulary");
      ids.push_back(*id);
    }
  }

private:
  bool appendPieces(std::string_view word, std::vector<int32_t> &ids) const {
    std::string candidate;
    for (size_t begin = 0; begin < word.size();) {
      candidate = begin ? prefix : "";
      size_t fixed = candidate.size();
      // No entry is longer than `longest`, so longer candidates are skipped.
      candidate += word.substr(begin, longest > fixed ? longest - fixed : 0);
      std::optional<int32_t> id;
      while (candidate.size() > fixed) {
        // An entry is whole UTF-8, so a cut inside a character cannot match.
        if ((id = vocabulary.find(candidate)))
          break;
        candidate.pop_back();
      }
      if (!id)
        return false;
      ids.push_back(*id);
      begin += candidate.size() - fixed;
    }
    return true;
  }

  std::string unknown, prefix;
  size_t maxCharacters, longest = 0;
};
} // namespace

std::unique_ptr<Model> makeWordPiece(const JsonNode &node) {
  return std::make_unique<WordPiece>(node);
}

} // namespace qnt::tokenize
