//===- CharsMap.cpp - SentencePiece's compiled normalisation tables -------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Stages.h"
#include "Unicode.h"

namespace qnt::tokenize {

namespace {
/// A unit of a Darts-clone double array: label, offset to the children, and
/// whether a value hangs below it.
struct Unit {
  uint32_t bits;
  bool hasLeaf() const { return bits >> 8 & 1; }
  uint32_t value() const { return bits & 0x7FFFFFFF; }
  /// A value unit's top bit makes its label differ from every byte.
  uint32_t label() const { return bits & (0x80000000 | 0xFF); }
  uint32_t offset() const { return (bits >> 10) << ((bits & (1 << 9)) >> 6); }
};

/// Maps the texts in a double-array trie to replacements.
class CharsMap final : public Normalizer {
public:
  CharsMap(const std::string &blob, const JsonNode &node) {
    auto word = [&](size_t at) {
      uint32_t value = 0;
      for (int i = 3; i >= 0; --i)
        value = value << 8 | static_cast<unsigned char>(blob[at + i]);
      return value;
    };
    if (blob.size() < 4)
      node.fail("the table is too short");
    size_t bytes = word(0);
    if (bytes % 4 || bytes > blob.size() - 4)
      node.fail("the trie of " + std::to_string(bytes) +
                " bytes does not fit the table of " +
                std::to_string(blob.size()));
    for (size_t at = 4; at < 4 + bytes; at += 4)
      units.push_back({word(at)});
    replacements = blob.substr(4 + bytes);
    if (!isValidUtf8(replacements))
      node.fail("the replacements are not UTF-8");
    replacements += '\0';
    if (units.empty())
      node.fail("the trie is empty");
  }

  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    for (std::string_view cluster : graphemes(text)) {
      // As the reference does: a short cluster is replaced as a whole by what
      // its shortest prefix in the trie maps to; otherwise each character is
      // looked up alone.
      if (cluster.size() < 6)
        if (auto mapped = lookup(cluster)) {
          out += *mapped;
          continue;
        }
      for (size_t at = 0; at < cluster.size();) {
        size_t begin = at;
        nextCodePoint(cluster, at);
        std::string_view c = cluster.substr(begin, at - begin);
        out += lookup(c).value_or(c);
      }
    }
    return out;
  }

private:
  std::optional<std::string_view> lookup(std::string_view key) const {
    size_t at = units[0].offset();
    for (char c : key) {
      auto byte = static_cast<unsigned char>(c);
      at ^= byte;
      if (byte == 0 || at >= units.size() || units[at].label() != byte)
        return std::nullopt;
      Unit unit = units[at];
      at ^= unit.offset();
      if (unit.hasLeaf()) {
        size_t begin = at < units.size() ? units[at].value() : ~size_t(0);
        if (begin >= replacements.size() ||
            (replacements[begin] & 0xC0) == 0x80)
          return std::nullopt;
        // Replacements end with a zero byte.
        return std::string_view(replacements.c_str() + begin);
      }
    }
    return std::nullopt;
  }

  std::vector<Unit> units;
  std::string replacements;
};

std::string decodeBase64(const JsonNode &node) {
  static const std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (char c : node.string()) {
    if (c == '=')
      break;
    size_t value = alphabet.find(c);
    if (value == std::string_view::npos)
      node.fail("not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}
} // namespace

std::unique_ptr<Normalizer> makeCharsMap(const JsonNode &node) {
  JsonNode table = node.at("precompiled_charsmap");
  return std::make_unique<CharsMap>(decodeBase64(table), table);
}

} // namespace qnt::tokenize
