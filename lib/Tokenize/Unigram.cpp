//===- Unigram.cpp - the most probable segmentation -----------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Stages.h"
#include "Unicode.h"

#include <algorithm>
#include <limits>

namespace qnt::tokenize {

namespace {
/// Kudo: Subword Regularization (2018): the segmentation whose pieces' log
/// probabilities have the largest sum, by dynamic programming over the text.
class Unigram final : public Model {
public:
  explicit Unigram(const JsonNode &node);
  void tokenize(std::string_view word,
                std::vector<int32_t> &ids) const override;

private:
  /// What an unknown character costs beyond the least probable piece.
  static constexpr double unknownPenalty = 10.0;

  /// A node of the trie of all pieces; its children are in `edges`.
  struct TrieNode {
    int32_t piece = -1;
  };
  struct Best {
    double score = 0;
    size_t begin = std::string::npos;
    int32_t piece = -1;
  };

  void insert(std::string_view piece, int32_t id);
  int32_t unknownPiece() const {
    if (unknownId < 0)
      throw TokenizerError("a character has no piece and the model no unk_id");
    return unknownId;
  }
  void append(std::string_view text, std::vector<int32_t> &ids) const;

  std::vector<double> scores;
  std::vector<TrieNode> nodes{1};
  /// (node, byte) to node.
  std::unordered_map<uint64_t, uint32_t> edges;
  double leastScore = std::numeric_limits<double>::infinity();
  int32_t unknownId = -1;
  bool byteFallback;
};
} // namespace

Unigram::Unigram(const JsonNode &node)
    : byteFallback(node.booleanOr("byte_fallback", false)) {
  JsonNode vocab = node.at("vocab");
  if (!vocab.raw().is_array() || vocab.raw().empty())
    vocab.fail("expected an array of pieces and scores");
  if (vocab.raw().size() > static_cast<size_t>(JsonNode::maxId))
    vocab.fail("too many pieces");
  int32_t id = 0;
  for (const nlohmann::json &entry : vocab.raw()) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
        !entry[1].is_number())
      vocab.fail("entry " + std::to_string(id) +
                 ": expected a piece and its score");
    const std::string &piece = entry[0].get_ref<const std::string &>();
    scores.push_back(entry[1].get<double>());
    leastScore = std::min(leastScore, scores.back());
    // The reference's own trainer writes a piece twice at times.
    vocabulary.addLast(piece, id);
    insert(piece, id++);
  }
  if (auto unknown = node.find("unk_id"))
    unknownId = static_cast<int32_t>(unknown->integer(0, id - 1));
}

void Unigram::insert(std::string_view piece, int32_t id) {
  uint32_t at = 0;
  for (char c : piece) {
    auto [it, inserted] = edges.try_emplace(
        static_cast<uint64_t>(at) << 8 | static_cast<unsigned char>(c),
        static_cast<uint32_t>(nodes.size()));
    if (inserted)
      nodes.emplace_back();
    at = it->second;
  }
  nodes[at].piece = id;
}

void Unigram::append(std::string_view text, std::vector<int32_t> &ids) const {
  if (auto id = vocabulary.find(text)) {
    ids.push_back(*id);
    return;
  }
  if (byteFallback) {
    static const char digits[] = "0123456789ABCDEF";
    size_t before = ids.size();
    for (char c : text) {
      auto byte = static_cast<unsigned char>(c);
      auto id = vocabulary.find(std::string("<0x") + digits[byte >> 4] +
                                digits[byte & 15] + ">");
      if (!id)
        break;
      ids.push_back(*id);
    }
    if (ids.size() - before == text.size())
      return;
    ids.resize(before);
  }
  ids.push_back(unknownPiece());
}

void Unigram::tokenize(std::string_view word, std::vector<int32_t> &ids) const {
  // best[i]: the best segmentation of the first i bytes, by its last piece.
  std::vector<Best> best(word.size() + 1);
  auto offer = [&](size_t begin, size_t end, double score, int32_t piece) {
    score += best[begin].score;
    if (best[end].begin == std::string::npos || score > best[end].score)
      best[end] = {score, begin, piece};
  };
  for (size_t begin = 0; begin < word.size();) {
    size_t character = utf8Length(static_cast<unsigned char>(word[begin]));
    bool single = false;
    uint32_t at = 0;
    for (size_t end = begin; end < word.size();) {
      auto edge = edges.find(static_cast<uint64_t>(at) << 8 |
                             static_cast<unsigned char>(word[end++]));
      if (edge == edges.end())
        break;
      at = edge->second;
      int32_t piece = nodes[at].piece;
      if (piece < 0)
        continue;
      offer(begin, end, scores[piece], piece);
      single |= end - begin == character;
    }
    if (!single)
      offer(begin, begin + character, leastScore - unknownPenalty,
            unknownPiece());
    begin += character;
  }
  // Backwards, with neighbouring unknown characters as one text.
  std::vector<std::string_view> texts;
  bool fusing = false;
  for (size_t end = word.size(); end > 0;) {
    const Best &node = best[end];
    std::string_view text = word.substr(node.begin, end - node.begin);
    bool unknown = unknownId >= 0 && node.piece == unknownId;
    if (unknown && fusing)
      texts.back() = word.substr(node.begin, text.size() + texts.back().size());
    else
      texts.push_back(text);
    fusing = unknown;
    end = node.begin;
  }
  for (size_t i = texts.size(); i-- > 0;)
    append(texts[i], ids);
}

std::unique_ptr<Model> makeUnigram(const JsonNode &node) {
  return std::make_unique<Unigram>(node);
}

} // namespace qnt::tokenize
