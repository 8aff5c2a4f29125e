//===- BPE.cpp - byte pair encoding ---------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Stages.h"
#include "Unicode.h"

#include <array>
#include <mutex>
#include <queue>
#include <shared_mutex>

namespace qnt::tokenize {

namespace {
/// Ids of the words met so far, in shards so that threads seldom wait. A full
/// shard takes no more words.
class WordCache {
public:
  bool find(std::string_view word, std::vector<int32_t> &ids) const {
    const Shard &shard = shardOf(word);
    std::shared_lock<std::shared_mutex> lock(shard.mutex);
    auto it = shard.words.find(word);
    if (it == shard.words.end())
      return false;
    ids.insert(ids.end(), it->second.begin(), it->second.end());
    return true;
  }
  void insert(std::string_view word, const int32_t *begin, const int32_t *end) {
    if (word.size() > maxWord)
      return;
    Shard &shard = shardOf(word);
    std::unique_lock<std::shared_mutex> lock(shard.mutex);
    if (shard.words.size() < maxWords)
      shard.words.try_emplace(std::string(word), begin, end);
  }

private:
  static constexpr size_t maxWord = 128, maxWords = 2048, shardCount = 16;
  struct Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<std::string, std::vector<int32_t>, StringHash,
                       std::equal_to<>>
        words;
  };
  const Shard &shardOf(std::string_view word) const {
    return shards[StringHash()(word) % shardCount];
  }
  Shard &shardOf(std::string_view word) {
    return shards[StringHash()(word) % shardCount];
  }
  std::array<Shard, shardCount> shards;
};

/// Sennrich, Haddow, Birch: Neural Machine Translation of Rare Words with
/// Subword Units (2016), with the options of the HuggingFace format.
class BPE final : public Model {
public:
  explicit BPE(const JsonNode &node);
  void tokenize(std::string_view word,
                std::vector<int32_t> &ids) const override;

private:
  struct Merge {
    uint32_t rank;
    int32_t id;
  };
  /// A symbol of a word, in a list linked through the word's array.
  struct Symbol {
    int32_t id, previous, next;
  };
  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  }
  const Merge *findMerge(int32_t left, int32_t right) const {
    auto it = merges.find(key(left, right));
    return it == merges.end() ? nullptr : &it->second;
  }

  void readMerges(const JsonNode &node);
  void split(std::string_view word, std::vector<Symbol> &symbols) const;
  bool appendBytes(std::string_view character,
                   std::vector<Symbol> &symbols) const;
  void merge(std::vector<Symbol> &symbols) const;

  std::unordered_map<uint64_t, Merge> merges;
  std::string prefix, suffix, unknown;
  std::optional<int32_t> unknownId;
  bool byteFallback, fuseUnknown, ignoreMerges;
  /// Ids of <0x00> .. <0xFF>, or -1.
  std::array<int32_t, 256> byteIds;
  mutable WordCache cache;
};
} // namespace

BPE::BPE(const JsonNode &node)
    : prefix(node.optionalString("continuing_subword_prefix").value_or("")),
      suffix(node.optionalString("end_of_word_suffix").value_or("")),
      unknown(node.optionalString("unk_token").value_or("")),
      byteFallback(node.booleanOr("byte_fallback", false)),
      fuseUnknown(node.booleanOr("fuse_unk", false)),
      ignoreMerges(node.booleanOr("ignore_merges", false)) {
  // Dropout is noise for training; a value of 0 is written by some.
  if (auto dropout = node.find("dropout"); dropout && dropout->number() != 0)
    dropout->fail("dropout is not supported");
  JsonNode vocab = node.at("vocab");
  if (!vocab.raw().is_object())
    vocab.fail("expected an object of tokens and ids");
  for (auto it = vocab.raw().begin(); it != vocab.raw().end(); ++it)
    vocabulary.add(
        it.key(),
        JsonNode(it.value(), vocab.path() + "['" + it.key() + "']").id(),
        vocab);
  unknownId = vocabulary.find(unknown);
  static const char digits[] = "0123456789ABCDEF";
  for (int b = 0; b < 256; ++b)
    byteIds[b] =
        vocabulary
            .find(std::string("<0x") + digits[b >> 4] + digits[b & 15] + ">")
            .value_or(-1);
  readMerges(node.at("merges"));
}

void BPE::readMerges(const JsonNode &node) {
  if (!node.raw().is_array())
    node.fail("expected an array of pairs");
  uint32_t rank = 0;
  for (const nlohmann::json &entry : node.raw()) {
    auto fail = [&](const std::string &what) {
      node.fail("entry " + std::to_string(rank) + ", " + entry.dump() + ": " +
                what);
    };
    std::string left, right;
    if (entry.is_string()) {
      // The first space separates: a token of such a file holds none.
      const std::string &text = entry.get_ref<const std::string &>();
      size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != text.npos)
        fail("expected two tokens");
      left = text.substr(0, space);
      right = text.substr(space + 1);
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
               entry[1].is_string()) {
      left = entry[0].get<std::string>();
      right = entry[1].get<std::string>();
    } else {
      fail("expected two tokens");
    }
    auto idOf = [&](const std::string &token) {
      auto id = vocabulary.find(token);
      if (!id)
        fail("token '" + token + "' is not in the vocabulary");
      return *id;
    };
    if (right.size() < prefix.size())
      fail("the second token lacks the prefix '" + prefix + "'");
    int32_t merged = idOf(left + right.substr(prefix.size()));
    merges[key(idOf(left), idOf(right))] = {rank++, merged};
  }
}

bool BPE::appendBytes(std::string_view character,
                      std::vector<Symbol> &symbols) const {
  for (char c : character)
    if (byteIds[static_cast<unsigned char>(c)] < 0)
      return false;
  for (char c : character)
    symbols.push_back({byteIds[static_cast<unsigned char>(c)], 0, 0});
  return true;
}

void BPE::split(std::string_view word, std::vector<Symbol> &symbols) const {
  bool pendingUnknown = false;
  auto flush = [&] {
    if (pendingUnknown)
      symbols.push_back({*unknownId, 0, 0});
    pendingUnknown = false;
  };
  std::string decorated;
  for (size_t at = 0; at < word.size();) {
    size_t begin = at;
    at += utf8Length(static_cast<unsigned char>(word[at]));
    std::string_view character = word.substr(begin, at - begin);
    bool first = begin == 0, last = at == word.size();
    if ((!first && !prefix.empty()) || (last && !suffix.empty())) {
      decorated = first ? "" : prefix;
      decorated += character;
      decorated += last ? suffix : "";
      character = decorated;
    }
    if (auto id = vocabulary.find(character)) {
      flush();
      symbols.push_back({*id, 0, 0});
      continue;
    }
    // The reference does not flush an unknown here; nor do we.
    if (byteFallback && appendBytes(character, symbols))
      continue;
    if (unknown.empty())
      continue;
    if (!unknownId)
      throw TokenizerError("the unknown token '" + unknown +
                           "' is not in the vocabulary");
    if (pendingUnknown && !fuseUnknown)
      flush();
    pendingUnknown = true;
  }
  flush();
}

void BPE::merge(std::vector<Symbol> &symbols) const {
  struct Candidate {
    uint32_t rank;
    int32_t position, id;
    // The lowest rank first, then the leftmost.
    bool operator<(const Candidate &other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  std::priority_queue<Candidate> queue;
  auto consider = [&](int32_t left, int32_t right) {
    if (left < 0 || right < 0)
      return;
    if (const Merge *m = findMerge(symbols[left].id, symbols[right].id))
      queue.push({m->rank, left, m->id});
  };
  auto count = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < count; ++i) {
    symbols[i].previous = i - 1;
    symbols[i].next = i + 1 < count ? i + 1 : -1;
    if (i > 0)
      consider(i - 1, i);
  }
  while (!queue.empty()) {
    Candidate best = queue.top();
    queue.pop();
    Symbol &left = symbols[best.position];
    if (left.id < 0 || left.next < 0)
      continue;
    Symbol &right = symbols[left.next];
    // The pair may have changed since it was queued.
    const Merge *m = findMerge(left.id, right.id);
    if (!m || m->id != best.id)
      continue;
    left.id = best.id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0)
      symbols[left.next].previous = best.position;
    consider(left.previous, best.position);
    consider(best.position, left.next);
  }
}

void BPE::tokenize(std::string_view word, std::vector<int32_t> &ids) const {
  if (word.empty())
    return;
  if (ignoreMerges)
    if (auto id = vocabulary.find(word)) {
      ids.push_back(*id);
      return;
    }
  if (cache.find(word, ids))
    return;
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  split(word, symbols);
  merge(symbols);
  size_t begin = ids.size();
  for (const Symbol &symbol : symbols)
    if (symbol.id >= 0)
      ids.push_back(symbol.id);
  cache.insert(word, ids.data() + begin, ids.data() + ids.size());
}

std::unique_ptr<Model> makeBPE(const JsonNode &node) {
  return std::make_unique<BPE>(node);
}

} // namespace qnt::tokenize
