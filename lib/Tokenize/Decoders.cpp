//===- Decoders.cpp - tokens to text --------------------------------------===//
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
using Tokens = std::vector<std::string>;

/// A decoder that needs no state but its function's captures.
class FunctionDecoder final : public Decoder {
public:
  explicit FunctionDecoder(std::function<Tokens(Tokens)> function)
      : function(std::move(function)) {}
  Tokens apply(Tokens tokens) const override {
    return function(std::move(tokens));
  }

private:
  std::function<Tokens(Tokens)> function;
};

void replaceAll(std::string &text, std::string_view from, std::string_view to) {
  std::string out;
  size_t done = 0;
  for (size_t hit; (hit = text.find(from, done)) != text.npos;
       done = hit + from.size()) {
    out.append(text, done, hit - done).append(to);
    checkGrowth(text.size(), out.size());
  }
  text = out.append(text, done);
}

/// Characters back to bytes. A token with a character that spells no byte is
/// taken as it stands.
Tokens byteLevel(Tokens tokens) {
  std::string bytes;
  for (const std::string &token : tokens) {
    std::string spelled;
    for (size_t at = 0; at < token.size();) {
      int byte = characterToByte(nextCodePoint(token, at));
      if (byte < 0) {
        spelled = token;
        break;
      }
      spelled += static_cast<char>(byte);
    }
    bytes += spelled;
  }
  return {replaceInvalid(bytes)};
}

/// The spaces that BERT's own detokeniser takes out again.
void cleanUp(std::string &text) {
  for (auto [from, to] :
       {std::pair(" .", "."), std::pair(" ?", "?"), std::pair(" !", "!"),
        std::pair(" ,", ","), std::pair(" ' ", "'"), std::pair(" n't", "n't"),
        std::pair(" 'm", "'m"), std::pair(" do not", " don't"),
        std::pair(" 's", "'s"), std::pair(" 've", "'ve"),
        std::pair(" 're", "'re")})
    replaceAll(text, from, to);
}

Tokens wordPiece(Tokens tokens, const std::string &prefix, bool cleanup) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    std::string &token = tokens[i];
    if (i != 0 && token.starts_with(prefix))
      token.erase(0, prefix.size());
    else if (i != 0)
      token.insert(0, 1, ' ');
    if (cleanup)
      cleanUp(token);
  }
  return tokens;
}

/// The byte of a token <0xAB>, or -1.
int byteOfToken(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
    return -1;
  int byte = 0;
  for (char c : token.substr(3, 2)) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                       : -1;
    if (digit < 0)
      return -1;
    byte = byte << 4 | digit;
  }
  return byte;
}

/// A run of byte tokens becomes its text, or, if that is not UTF-8, U+FFFD for
/// each byte.
Tokens byteFallback(Tokens tokens) {
  Tokens out;
  std::string bytes;
  auto flush = [&] {
    if (bytes.empty())
      return;
    if (isValidUtf8(bytes))
      out.push_back(bytes);
    else
      out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
    bytes.clear();
  };
  for (std::string &token : tokens) {
    int byte = byteOfToken(token);
    if (byte >= 0) {
      bytes += static_cast<char>(byte);
      continue;
    }
    flush();
    out.push_back(std::move(token));
  }
  flush();
  return out;
}

Tokens strip(Tokens tokens, const std::string &content, int64_t start,
             int64_t stop) {
  for (std::string &token : tokens) {
    for (int64_t i = 0; i < start && token.starts_with(content); ++i)
      token.erase(0, content.size());
    for (int64_t i = 0; i < stop && token.ends_with(content); ++i)
      token.resize(token.size() - content.size());
  }
  return tokens;
}

std::function<Tokens(Tokens)> makeMetaspace(const JsonNode &node) {
  std::string mark;
  appendUtf8(mark, singleCharacter(node.at("replacement")));
  bool prefix = node.booleanOr("add_prefix_space", true);
  std::string scheme = node.optionalString("prepend_scheme")
                           .value_or(prefix ? "always" : "never");
  return [mark, scheme](Tokens tokens) {
    for (size_t i = 0; i < tokens.size(); ++i)
      replaceAll(tokens[i], mark, i == 0 && scheme != "never" ? "" : " ");
    return tokens;
  };
}

std::function<Tokens(Tokens)> makeReplace(const JsonNode &node) {
  JsonNode pattern = node.at("pattern");
  std::string content = node.at("content").string();
  if (auto literal = pattern.find("String")) {
    if (literal->string().empty())
      literal->fail("expected a pattern that is not empty");
    return [from = literal->string(), content](Tokens tokens) {
      for (std::string &token : tokens)
        replaceAll(token, from, content);
      return tokens;
    };
  }
  JsonNode source = pattern.at("Regex");
  auto regex = std::make_shared<Regex>(source.string(), source.path());
  return [regex, content](Tokens tokens) {
    for (std::string &token : tokens)
      token = regex->replace(token, content);
    return tokens;
  };
}

std::function<Tokens(Tokens)> makeSequence(const JsonNode &node, int depth) {
  checkDepth(node, depth);
  std::vector<std::shared_ptr<Decoder>> steps;
  for (const JsonNode &step : node.at("decoders").elements())
    steps.push_back(makeDecoder(step, depth + 1));
  return [steps](Tokens tokens) {
    auto bytes = [&] {
      size_t sum = 0;
      for (const std::string &token : tokens)
        sum += token.size();
      return sum;
    };
    size_t before = bytes();
    for (const auto &step : steps) {
      tokens = step->apply(std::move(tokens));
      checkGrowth(before, bytes());
    }
    return tokens;
  };
}

std::function<Tokens(Tokens)> makeFunction(const JsonNode &node, int depth) {
  const std::string &type = node.at("type").string();
  if (type == "ByteLevel")
    return byteLevel;
  if (type == "WordPiece")
    return [prefix = node.optionalString("prefix").value_or("##"),
            cleanup = node.booleanOr("cleanup", true)](Tokens tokens) {
      return wordPiece(std::move(tokens), prefix, cleanup);
    };
  if (type == "Metaspace")
    return makeMetaspace(node);
  if (type == "ByteFallback")
    return byteFallback;
  if (type == "Fuse")
    return [](const Tokens &tokens) {
      std::string all;
      for (const std::string &token : tokens)
        all += token;
      return Tokens{all};
    };
  if (type == "Strip") {
    std::string content;
    appendUtf8(content, singleCharacter(node.at("content")));
    return [content, start = node.at("start").integer(0, INT32_MAX),
            stop = node.at("stop").integer(0, INT32_MAX)](Tokens tokens) {
      return strip(std::move(tokens), content, start, stop);
    };
  }
  if (type == "Replace")
    return makeReplace(node);
  if (type == "BPEDecoder") {
    auto suffix = node.optionalString("suffix").value_or("</w>");
    if (suffix.empty())
      node.fail("expected a suffix that is not empty");
    return [suffix](Tokens tokens) {
      for (size_t i = 0; i < tokens.size(); ++i)
        replaceAll(tokens[i], suffix, i + 1 == tokens.size() ? "" : " ");
      return tokens;
    };
  }
  if (type == "Sequence")
    return makeSequence(node, depth);
  node.fail("unknown decoder type '" + type + "'");
}
} // namespace

std::unique_ptr<Decoder> makeDecoder(const JsonNode &node, int depth) {
  return std::make_unique<FunctionDecoder>(makeFunction(node, depth));
}

} // namespace qnt::tokenize
