//===- Stages.h - the stages of a HuggingFace tokenizer ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_STAGES_H
#define QNT_LIB_TOKENIZE_STAGES_H

#include "JsonNode.h"

#include <unordered_map>

namespace qnt::tokenize {

/// Rewrites text before it is cut.
class Normalizer {
public:
  virtual ~Normalizer();
  virtual std::string apply(std::string_view text) const = 0;
};

/// A piece of text on its way to the model.
struct Piece {
  std::string text;
  /// It begins where the user's text begins.
  bool first;
};

/// Cuts pieces into smaller ones.
class PreTokenizer {
public:
  virtual ~PreTokenizer();
  virtual std::vector<Piece> apply(std::vector<Piece> pieces) const = 0;
};

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const {
    return std::hash<std::string_view>()(s);
  }
};

/// Tokens by text and by id.
class Vocabulary {
public:
  /// Throws TokenizerError, naming `where`, if the id is taken.
  void add(std::string token, int32_t id, const JsonNode &where);
  /// Of tokens with the same text, the last one added counts.
  void addLast(const std::string &token, int32_t id);
  std::optional<int32_t> find(std::string_view token) const {
    auto it = ids.find(token);
    return it == ids.end() ? std::nullopt : std::optional(it->second);
  }
  /// Null where no token has this id.
  const std::string *token(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < tokens.size() ? tokens[id]
                                                              : nullptr;
  }
  /// One more than the largest id.
  size_t size() const { return tokens.size(); }

private:
  std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>> ids;
  /// Keys of `ids`, whose addresses are stable.
  std::vector<const std::string *> tokens;
};

/// Turns a piece into ids.
class Model {
public:
  virtual ~Model();
  /// Appends the ids of `word`. Throws TokenizerError if a character has no
  /// token and the model no unknown token. Safe to call from several threads.
  virtual void tokenize(std::string_view word,
                        std::vector<int32_t> &ids) const = 0;
  Vocabulary vocabulary;
};

/// Adds special tokens around a text's ids.
class PostProcessor {
public:
  virtual ~PostProcessor();
  virtual std::vector<int32_t> apply(std::vector<int32_t> ids) const = 0;
};

/// Turns tokens back into text; the result is what remains, concatenated.
class Decoder {
public:
  virtual ~Decoder();
  virtual std::vector<std::string>
  apply(std::vector<std::string> tokens) const = 0;
};

/// Each factory reads a stage by its `type`. Throws TokenizerError on a type or
/// option that is unknown.
std::unique_ptr<Normalizer> makeNormalizer(const JsonNode &node, int depth = 0);
std::unique_ptr<PreTokenizer> makePreTokenizer(const JsonNode &node,
                                               int depth = 0);
std::unique_ptr<Model> makeModel(const JsonNode &node);
std::unique_ptr<Model> makeBPE(const JsonNode &node);
std::unique_ptr<Model> makeWordPiece(const JsonNode &node);
std::unique_ptr<Model> makeUnigram(const JsonNode &node);
std::unique_ptr<PostProcessor> makePostProcessor(const JsonNode &node,
                                                 int depth = 0);
std::unique_ptr<Decoder> makeDecoder(const JsonNode &node, int depth = 0);
/// SentencePiece's compiled normalisation table (`precompiled_charsmap`).
std::unique_ptr<Normalizer> makeCharsMap(const JsonNode &node);

/// Refuses sequences nested so deep that only a damaged file has them.
void checkDepth(const JsonNode &node, int depth);
/// Throws TokenizerError if steps made `before` bytes (or ids) so many that
/// only a file made to exhaust memory does so.
void checkGrowth(size_t before, size_t after);

/// GPT-2's spelling of a byte as a printable character, in UTF-8.
const std::string &byteToCharacter(unsigned char byte);
/// The byte that `c` spells, or -1.
int characterToByte(char32_t c);

/// Reads a field that must hold exactly one character.
char32_t singleCharacter(const JsonNode &node);

} // namespace qnt::tokenize

#endif // QNT_LIB_TOKENIZE_STAGES_H
