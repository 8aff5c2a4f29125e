//===- PreTokenizers.cpp - text to the pieces that the model sees ---------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Regex.h"
#include "Stages.h"
#include "Unicode.h"

#include <algorithm>
#include <functional>

namespace qnt::tokenize {

namespace {
/// What becomes of the matches of a pattern.
enum class Behavior {
  Removed,
  Isolated,
  MergedWithPrevious,
  MergedWithNext,
  Contiguous
};

Behavior readBehavior(const JsonNode &node) {
  for (auto [name, behavior] :
       {std::pair("Removed", Behavior::Removed),
        std::pair("Isolated", Behavior::Isolated),
        std::pair("MergedWithPrevious", Behavior::MergedWithPrevious),
        std::pair("MergedWithNext", Behavior::MergedWithNext),
        std::pair("Contiguous", Behavior::Contiguous)})
    if (node.string() == name)
      return behavior;
  node.fail("unknown split behavior '" + node.string() + "'");
}

/// Joins or drops `parts` as `behavior` says.
std::vector<Part> combine(std::vector<Part> parts, Behavior behavior) {
  std::vector<Part> out;
  out.reserve(parts.size());
  bool previous = false;
  switch (behavior) {
  case Behavior::Isolated:
    return parts;
  case Behavior::Removed:
    for (const Part &part : parts)
      if (!part.matched)
        out.push_back(part);
    return out;
  case Behavior::Contiguous:
    for (const Part &part : parts) {
      if (part.matched == previous && !out.empty())
        out.back().end = part.end;
      else
        out.push_back(part);
      previous = part.matched;
    }
    return out;
  case Behavior::MergedWithPrevious:
    for (const Part &part : parts) {
      if (part.matched && !previous && !out.empty())
        out.back().end = part.end;
      else
        out.push_back(part);
      previous = part.matched;
    }
    return out;
  case Behavior::MergedWithNext:
    for (size_t i = parts.size(); i-- > 0;) {
      if (parts[i].matched && !previous && !out.empty())
        out.back().begin = parts[i].begin;
      else
        out.push_back(parts[i]);
      previous = parts[i].matched;
    }
    std::reverse(out.begin(), out.end());
    return out;
  }
  return out;
}

/// Appends what is left of `piece`, without empty pieces.
void appendParts(const Piece &piece, const std::vector<Part> &parts,
                 std::vector<Piece> &out) {
  for (const Part &part : parts)
    if (part.begin != part.end)
      out.push_back({piece.text.substr(part.begin, part.end - part.begin),
                     piece.first && part.begin == 0});
}

/// Each character that satisfies `matches` is a match of its own.
template <typename Predicate>
std::vector<Part> splitCharacters(std::string_view text, Predicate matches) {
  std::vector<Part> parts;
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    if (!matches(nextCodePoint(text, at)))
      continue;
    if (done != begin)
      parts.push_back({done, begin, false});
    parts.push_back({begin, at, true});
    done = at;
  }
  if (done != text.size())
    parts.push_back({done, text.size(), false});
  return parts;
}

/// A pre-tokeniser that treats each piece by itself.
class PiecewisePreTokenizer : public PreTokenizer {
public:
  std::vector<Piece> apply(std::vector<Piece> pieces) const final {
    std::vector<Piece> out;
    for (Piece &piece : pieces)
      cut(std::move(piece), out);
    return out;
  }

protected:
  virtual void cut(Piece piece, std::vector<Piece> &out) const = 0;
};

/// Cuts at characters.
class CharacterSplit final : public PiecewisePreTokenizer {
public:
  CharacterSplit(std::function<bool(char32_t)> matches, Behavior behavior)
      : matches(std::move(matches)), behavior(behavior) {}

protected:
  void cut(Piece piece, std::vector<Piece> &out) const override {
    appendParts(piece, combine(splitCharacters(piece.text, matches), behavior),
                out);
  }

private:
  std::function<bool(char32_t)> matches;
  Behavior behavior;
};

/// Cuts at the matches of a pattern.
class RegexSplit final : public PiecewisePreTokenizer {
public:
  RegexSplit(Regex regex, Behavior behavior, bool invert)
      : regex(std::move(regex)), behavior(behavior), invert(invert) {}

protected:
  void cut(Piece piece, std::vector<Piece> &out) const override {
    std::vector<Part> parts = regex.split(piece.text);
    if (invert)
      for (Part &part : parts)
        part.matched = !part.matched;
    appendParts(piece, combine(std::move(parts), behavior), out);
  }

private:
  Regex regex;
  Behavior behavior;
  bool invert;
};

/// GPT-2's: bytes as printable characters, after a cut into words.
class ByteLevel final : public PiecewisePreTokenizer {
public:
  explicit ByteLevel(const JsonNode &node)
      : addPrefixSpace(node.booleanOr("add_prefix_space", true)) {
    if (node.booleanOr("use_regex", true))
      words.emplace(R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+|)"
                    R"( ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
                    node.path());
  }

protected:
  void cut(Piece piece, std::vector<Piece> &out) const override {
    if (addPrefixSpace && piece.text[0] != ' ')
      piece.text.insert(0, 1, ' ');
    if (!words) {
      out.push_back({spell(piece.text), piece.first});
      return;
    }
    std::string_view text = piece.text;
    for (const Part &part : words->split(text))
      if (part.begin != part.end)
        out.push_back({spell(text.substr(part.begin, part.end - part.begin)),
                       piece.first && part.begin == 0});
  }

private:
  static std::string spell(std::string_view bytes) {
    std::string out;
    for (char c : bytes)
      out += byteToCharacter(static_cast<unsigned char>(c));
    return out;
  }

  bool addPrefixSpace;
  std::optional<Regex> words;
};

/// SentencePiece's: spaces become a visible character, which starts a word.
class Metaspace final : public PiecewisePreTokenizer {
public:
  explicit Metaspace(const JsonNode &node)
      : split(node.booleanOr("split", true)) {
    appendUtf8(mark, singleCharacter(node.at("replacement")));
    auto scheme = node.optionalString("prepend_scheme");
    // Files older than the scheme have a flag instead.
    bool prefix = node.booleanOr("add_prefix_space", true);
    prepend = scheme.value_or(prefix ? "always" : "never");
    if (prepend != "always" && prepend != "first" && prepend != "never")
      node.fail("unknown prepend_scheme '" + prepend + "'");
    if (!prefix && prepend != "never")
      node.fail("add_prefix_space and prepend_scheme contradict each other");
  }

protected:
  void cut(Piece piece, std::vector<Piece> &out) const override {
    std::string text;
    for (char c : piece.text)
      c == ' ' ? text += mark : text += c;
    if ((prepend == "always" || (prepend == "first" && piece.first)) &&
        !text.starts_with(mark))
      text.insert(0, mark);
    if (!split) {
      out.push_back({std::move(text), piece.first});
      return;
    }
    size_t at = 0;
    char32_t c = nextCodePoint(mark, at);
    auto parts = combine(
        splitCharacters(text, [c](char32_t other) { return other == c; }),
        Behavior::MergedWithNext);
    appendParts({std::move(text), piece.first}, parts, out);
  }

private:
  std::string mark, prepend;
  bool split;
};

class Sequence final : public PreTokenizer {
public:
  Sequence(const JsonNode &node, int depth) {
    checkDepth(node, depth);
    for (const JsonNode &step : node.at("pretokenizers").elements())
      steps.push_back(makePreTokenizer(step, depth + 1));
  }
  std::vector<Piece> apply(std::vector<Piece> pieces) const override {
    auto bytes = [&] {
      size_t sum = 0;
      for (const Piece &piece : pieces)
        sum += piece.text.size();
      return sum;
    };
    size_t before = bytes();
    for (const auto &step : steps) {
      pieces = step->apply(std::move(pieces));
      checkGrowth(before, bytes());
    }
    return pieces;
  }

private:
  std::vector<std::unique_ptr<PreTokenizer>> steps;
};

std::unique_ptr<PreTokenizer> makeSplit(const JsonNode &node) {
  JsonNode pattern = node.at("pattern");
  bool invert = node.booleanOr("invert", false);
  Behavior behavior = readBehavior(node.at("behavior"));
  if (auto literal = pattern.find("String"))
    return std::make_unique<RegexSplit>(
        Regex::literal(literal->string(), literal->path()), behavior, invert);
  JsonNode regex = pattern.at("Regex");
  return std::make_unique<RegexSplit>(Regex(regex.string(), regex.path()),
                                      behavior, invert);
}
} // namespace

std::unique_ptr<PreTokenizer> makePreTokenizer(const JsonNode &node,
                                               int depth) {
  const std::string &type = node.at("type").string();
  if (type == "Sequence")
    return std::make_unique<Sequence>(node, depth);
  if (type == "ByteLevel")
    return std::make_unique<ByteLevel>(node);
  if (type == "Metaspace")
    return std::make_unique<Metaspace>(node);
  if (type == "Split")
    return makeSplit(node);
  if (type == "WhitespaceSplit")
    return std::make_unique<CharacterSplit>(isWhiteSpace, Behavior::Removed);
  if (type == "Whitespace")
    // Here a word also holds joiners, and a lone Latin-1 number is none.
    return std::make_unique<RegexSplit>(
        Regex(
            R"([\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}\x{24b6}-\x{24e9}]+)"
            R"(|[^\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d})"
            R"(\x{24b6}-\x{24e9}\s]+)",
            node.path()),
        Behavior::Removed, true);
  if (type == "Punctuation") {
    auto behavior = node.find("behavior");
    return std::make_unique<CharacterSplit>(
        isPunctuation, behavior ? readBehavior(*behavior) : Behavior::Isolated);
  }
  if (type == "Digits")
    return std::make_unique<CharacterSplit>(
        isNumeric, node.booleanOr("individual_digits", false)
                       ? Behavior::Isolated
                       : Behavior::Contiguous);
  if (type == "CharDelimiterSplit")
    return std::make_unique<CharacterSplit>(
        [c = singleCharacter(node.at("delimiter"))](char32_t other) {
          return other == c;
        },
        Behavior::Removed);
  if (type == "BertPreTokenizer") {
    struct Bert final : PreTokenizer {
      CharacterSplit spaces{isWhiteSpace, Behavior::Removed};
      CharacterSplit marks{isPunctuation, Behavior::Isolated};
      std::vector<Piece> apply(std::vector<Piece> pieces) const override {
        return marks.apply(spaces.apply(std::move(pieces)));
      }
    };
    return std::make_unique<Bert>();
  }
  node.fail("unknown pre-tokenizer type '" + type + "'");
}

} // namespace qnt::tokenize
