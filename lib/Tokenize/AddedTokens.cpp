//===- AddedTokens.cpp - tokens that are found before the model runs ------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AddedTokens.h"
#include "Unicode.h"

#include <algorithm>

namespace qnt::tokenize {

void TextMatcher::add(std::string_view text, int32_t index) {
  if (text.empty())
    return;
  starts[static_cast<unsigned char>(text[0])] = true;
  uint32_t at = 0;
  for (char c : text) {
    auto [it, inserted] = nodes[at].next.try_emplace(
        static_cast<unsigned char>(c), static_cast<uint32_t>(nodes.size()));
    at = it->second;
    if (inserted)
      nodes.emplace_back();
  }
  // Of equal texts the first counts.
  if (nodes[at].index < 0)
    nodes[at].index = index;
}

int32_t TextMatcher::longestAt(std::string_view text, size_t at,
                               size_t &end) const {
  int32_t index = -1;
  uint32_t node = 0;
  while (at < text.size()) {
    auto it = nodes[node].next.find(static_cast<unsigned char>(text[at++]));
    if (it == nodes[node].next.end())
      break;
    node = it->second;
    if (nodes[node].index >= 0) {
      index = nodes[node].index;
      end = at;
    }
  }
  return index;
}

AddedTokens::AddedTokens(const JsonNode &root, const Vocabulary &vocabulary,
                         const Normalizer *normalizer) {
  auto list = root.find("added_tokens");
  if (!list)
    return;
  for (const JsonNode &node : list->elements()) {
    Entry entry{
        node.at("content").string(),       node.at("id").id(),
        node.booleanOr("special", false),  node.booleanOr("single_word", false),
        node.booleanOr("lstrip", false),   node.booleanOr("rstrip", false),
        node.booleanOr("normalized", true)};
    if (entry.content.empty())
      node.fail("expected content that is not empty");
    auto known = vocabulary.find(entry.content);
    if (known && *known != entry.id)
      node.fail("token '" + entry.content + "' has the id " +
                std::to_string(entry.id) + ", in the vocabulary " +
                std::to_string(*known));
    const std::string *other = vocabulary.token(entry.id);
    if (other && *other != entry.content)
      node.fail("the id " + std::to_string(entry.id) + " of '" + entry.content +
                "' is that of '" + *other + "'");
    if (!byId.emplace(entry.id, entries.size()).second)
      node.fail("the id " + std::to_string(entry.id) + " appears twice");
    if (entry.special)
      special.insert(entry.content);
    limit = std::max(limit, static_cast<size_t>(entry.id) + 1);
    entries.push_back(std::move(entry));
  }
  // Special tokens come first where two would match the same text.
  for (bool specials : {true, false})
    for (size_t i = 0; i < entries.size(); ++i) {
      const Entry &entry = entries[i];
      if (entry.special != specials)
        continue;
      if (!entry.normalized)
        plain.add(entry.content, static_cast<int32_t>(i));
      else
        normalized.add(normalizer ? normalizer->apply(entry.content)
                                  : entry.content,
                       static_cast<int32_t>(i));
    }
}

/// What a token marked single_word must not touch.
static bool isWordCharacter(char32_t c) {
  return isLetter(c) || isMark(c) || isDecimalDigit(c) || isConnector(c) ||
         c == 0x200C || c == 0x200D;
}

static size_t lastCharacter(std::string_view text, size_t end) {
  do
    --end;
  while (end > 0 && (text[end] & 0xC0) == 0x80);
  return end;
}

std::vector<Span> AddedTokens::split(std::string_view text,
                                     bool wantNormalized) const {
  const TextMatcher &matcher = wantNormalized ? normalized : plain;
  std::vector<Span> spans;
  size_t done = 0;
  auto found = [&](size_t begin, size_t end, int32_t index) {
    const Entry &entry = entries[index];
    if (entry.singleWord) {
      size_t before = begin ? lastCharacter(text, begin) : 0, behind = end;
      if ((begin && isWordCharacter(nextCodePoint(text, before))) ||
          (end < text.size() && isWordCharacter(nextCodePoint(text, behind))))
        return;
    }
    if (entry.stripLeft)
      while (begin > done) {
        size_t last = lastCharacter(text, begin), at = last;
        if (!isWhiteSpace(nextCodePoint(text, at)))
          break;
        begin = last;
      }
    if (entry.stripRight)
      for (size_t at = end; at < text.size(); end = at)
        if (!isWhiteSpace(nextCodePoint(text, at)))
          break;
    if (done < begin)
      spans.push_back({done, begin, -1});
    spans.push_back({begin, end, entry.id});
    done = end;
  };
  if (!matcher.empty())
    matcher.forEach(text, found);
  if (done < text.size())
    spans.push_back({done, text.size(), -1});
  return spans;
}

const std::string *AddedTokens::token(int32_t id) const {
  auto it = byId.find(id);
  return it == byId.end() ? nullptr : &entries[it->second].content;
}

std::optional<int32_t> AddedTokens::find(std::string_view content) const {
  for (const Entry &entry : entries)
    if (entry.content == content)
      return entry.id;
  return std::nullopt;
}

} // namespace qnt::tokenize
