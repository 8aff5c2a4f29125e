//===- Normalizers.cpp - text to text -------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Regex.h"
#include "Stages.h"
#include "Unicode.h"

#include <functional>

namespace qnt::tokenize {

namespace {
using Function = std::function<std::string(std::string_view)>;

/// A normaliser that needs no state but its function's captures.
class FunctionNormalizer final : public Normalizer {
public:
  explicit FunctionNormalizer(Function function)
      : function(std::move(function)) {}
  std::string apply(std::string_view text) const override {
    return function(text);
  }

private:
  Function function;
};

/// Applies `append(out, c)` to each character.
template <typename Append> Function perCharacter(Append append) {
  return [append](std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();)
      append(out, nextCodePoint(text, at));
    return out;
  };
}

/// The ideographs that BERT's tokeniser puts between spaces. U+2B820 to
/// U+2B91F are missing in the reference, too.
bool isBertIdeograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

struct BertOptions {
  bool cleanText, ideographs, stripAccents, lowercase;
};

std::string bertNormalize(std::string_view in, BertOptions options) {
  std::string text(in);
  if (options.cleanText)
    text = perCharacter([](std::string &out, char32_t c) {
      bool space = c == '\t' || c == '\n' || c == '\r' || isWhiteSpace(c);
      bool kept = c == '\t' || c == '\n' || c == '\r' ||
                  (c != 0 && c != 0xFFFD && !isOther(c));
      if (kept)
        appendUtf8(out, space ? ' ' : c);
    })(text);
  if (options.ideographs)
    text = perCharacter([](std::string &out, char32_t c) {
      if (isBertIdeograph(c)) {
        out += ' ';
        appendUtf8(out, c);
        out += ' ';
      } else {
        appendUtf8(out, c);
      }
    })(text);
  if (options.stripAccents)
    text = perCharacter([](std::string &out, char32_t c) {
      if (!isNonspacingMark(c))
        appendUtf8(out, c);
    })(normalize(text, NormalForm::NFD));
  if (options.lowercase)
    text = perCharacter(appendLower)(text);
  return text;
}

/// The rules of SentencePiece's "nmt" tables: control characters vanish, odd
/// spaces become spaces.
void appendNmt(std::string &out, char32_t c) {
  if ((c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) ||
      c == 0x7F || c == 0x8F || c == 0x9F)
    return;
  if (c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
      (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 ||
      c == 0x2581 || c == 0xFEFF || c == 0xFFFD)
    c = ' ';
  appendUtf8(out, c);
}

std::string strip(std::string_view text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  if (left)
    for (size_t at = 0; begin < end; begin = at)
      if (!isWhiteSpace(nextCodePoint(text, at)))
        break;
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && (text[last] & 0xC0) == 0x80)
      --last;
    size_t at = last;
    if (!isWhiteSpace(nextCodePoint(text, at)))
      break;
    end = last;
  }
  return std::string(text.substr(begin, end - begin));
}

Function replaceFunction(const JsonNode &node) {
  JsonNode pattern = node.at("pattern");
  std::string content = node.at("content").string();
  if (auto literal = pattern.find("String")) {
    if (literal->string().empty())
      literal->fail("expected a pattern that is not empty");
    return [from = literal->string(), content](std::string_view text) {
      std::string out;
      size_t done = 0;
      for (size_t hit; (hit = text.find(from, done)) != text.npos;
           done = hit + from.size()) {
        out.append(text.substr(done, hit - done)).append(content);
        checkGrowth(text.size(), out.size());
      }
      return out.append(text.substr(done));
    };
  }
  JsonNode regex = pattern.at("Regex");
  auto compiled = std::make_shared<Regex>(regex.string(), regex.path());
  return [compiled, content](std::string_view text) {
    return compiled->replace(text, content);
  };
}

Function sequenceFunction(const JsonNode &node, int depth) {
  checkDepth(node, depth);
  std::vector<std::shared_ptr<Normalizer>> steps;
  for (const JsonNode &step : node.at("normalizers").elements())
    steps.push_back(makeNormalizer(step, depth + 1));
  return [steps](std::string_view text) {
    std::string out(text);
    for (const auto &step : steps) {
      out = step->apply(out);
      checkGrowth(text.size(), out.size());
    }
    return out;
  };
}

Function byteLevel() {
  return [](std::string_view text) {
    std::string out;
    for (char c : text)
      out += byteToCharacter(static_cast<unsigned char>(c));
    return out;
  };
}

Function makeFunction(const JsonNode &node, const std::string &type,
                      int depth) {
  for (auto [name, form] :
       {std::pair("NFC", NormalForm::NFC), std::pair("NFD", NormalForm::NFD),
        std::pair("NFKC", NormalForm::NFKC),
        std::pair("NFKD", NormalForm::NFKD)})
    if (type == name)
      return [form = form](std::string_view text) {
        return normalize(text, form);
      };
  if (type == "Sequence")
    return sequenceFunction(node, depth);
  if (type == "Lowercase")
    return perCharacter(appendLower);
  if (type == "StripAccents")
    return perCharacter([](std::string &out, char32_t c) {
      if (!isMark(c))
        appendUtf8(out, c);
    });
  if (type == "Nmt")
    return perCharacter(appendNmt);
  if (type == "ByteLevel")
    return byteLevel();
  if (type == "Replace")
    return replaceFunction(node);
  if (type == "Strip")
    return [left = node.booleanOr("strip_left", true),
            right = node.booleanOr("strip_right", true)](
               std::string_view text) { return strip(text, left, right); };
  if (type == "Prepend")
    return [prefix = node.at("prepend").string()](std::string_view text) {
      return text.empty() ? std::string() : prefix + std::string(text);
    };
  if (type == "BertNormalizer") {
    bool lowercase = node.booleanOr("lowercase", true);
    // Unless it says otherwise, an uncased model strips accents.
    BertOptions options{node.booleanOr("clean_text", true),
                        node.booleanOr("handle_chinese_chars", true),
                        node.booleanOr("strip_accents", lowercase), lowercase};
    return [options](std::string_view text) {
      return bertNormalize(text, options);
    };
  }
  node.fail("unknown normalizer type '" + type + "'");
}
} // namespace

std::unique_ptr<Normalizer> makeNormalizer(const JsonNode &node, int depth) {
  const std::string type = node.at("type").string();
  if (type == "Precompiled")
    return makeCharsMap(node);
  return std::make_unique<FunctionNormalizer>(makeFunction(node, type, depth));
}

} // namespace qnt::tokenize
