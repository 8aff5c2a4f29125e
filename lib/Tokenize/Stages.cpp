//===- Stages.cpp - the stages of a HuggingFace tokenizer -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Stages.h"
#include "Unicode.h"

#include <array>

namespace qnt::tokenize {

Normalizer::~Normalizer() = default;
PreTokenizer::~PreTokenizer() = default;
Model::~Model() = default;
PostProcessor::~PostProcessor() = default;
Decoder::~Decoder() = default;

void Vocabulary::add(std::string token, int32_t id, const JsonNode &where) {
  auto [it, inserted] = ids.emplace(std::move(token), id);
  if (!inserted)
    where.fail("token '" + it->first + "' appears twice");
  if (static_cast<size_t>(id) >= tokens.size())
    tokens.resize(id + 1, nullptr);
  if (tokens[id])
    where.fail("tokens '" + *tokens[id] + "' and '" + it->first +
               "' share the id " + std::to_string(id));
  tokens[id] = &it->first;
}

void Vocabulary::addLast(const std::string &token, int32_t id) {
  auto it = ids.insert_or_assign(token, id).first;
  if (static_cast<size_t>(id) >= tokens.size())
    tokens.resize(id + 1, nullptr);
  tokens[id] = &it->first;
}

void checkDepth(const JsonNode &node, int depth) {
  if (depth > 16)
    node.fail("sequences are nested too deep");
}

void checkGrowth(size_t before, size_t after) {
  if (after > 4096 && after / 64 > before)
    throw TokenizerError(
        "the tokenizer makes a text more than 64 times longer");
}

namespace {
/// The printable bytes stand for themselves; the others, in order, for
/// U+0100, U+0101, ...
struct ByteAlphabet {
  std::array<std::string, 256> characters;
  std::array<int, 0x180> bytes;
  ByteAlphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) ||
                       (b >= 0xAE && b <= 0xFF);
      char32_t c = printable ? static_cast<char32_t>(b) : next++;
      appendUtf8(characters[b], c);
      bytes[c] = b;
    }
  }
};
} // namespace

static const ByteAlphabet &byteAlphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

const std::string &byteToCharacter(unsigned char byte) {
  return byteAlphabet().characters[byte];
}

int characterToByte(char32_t c) {
  return c < 0x180 ? byteAlphabet().bytes[c] : -1;
}

char32_t singleCharacter(const JsonNode &node) {
  const std::string &text = node.string();
  if (countCodePoints(text) != 1)
    node.fail("expected one character, found '" + text + "'");
  size_t at = 0;
  return nextCodePoint(text, at);
}

std::unique_ptr<Model> makeModel(const JsonNode &node) {
  // Old files have no type; their fields tell the models apart.
  std::string type = node.optionalString("type").value_or("");
  if (type.empty()) {
    if (node.find("merges"))
      type = "BPE";
    else if (node.find("max_input_chars_per_word"))
      type = "WordPiece";
    else if (node.at("vocab").raw().is_array())
      type = "Unigram";
  }
  if (type == "BPE")
    return makeBPE(node);
  if (type == "WordPiece")
    return makeWordPiece(node);
  if (type == "Unigram")
    return makeUnigram(node);
  node.fail("unknown model type '" + type +
            "'; known: BPE, WordPiece, Unigram");
}

} // namespace qnt::tokenize
