//===- HuggingFace.cpp - tokenizer.json -----------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AddedTokens.h"
#include "Stages.h"
#include "Unicode.h"

#include <algorithm>

namespace qnt::tokenize {

Tokenizer::~Tokenizer() = default;

namespace {
/// The stages of tokenizer.json, in the order that the HuggingFace tokenizers
/// library runs them. `truncation` and `padding` are the caller's affair.
class HuggingFaceTokenizer final : public Tokenizer {
public:
  explicit HuggingFaceTokenizer(const JsonNode &root)
      : model(makeModel(root.at("model"))) {
    if (auto node = root.find("normalizer"))
      normalizer = makeNormalizer(*node);
    if (auto node = root.find("pre_tokenizer"))
      preTokenizer = makePreTokenizer(*node);
    if (auto node = root.find("post_processor"))
      postProcessor = makePostProcessor(*node);
    if (auto node = root.find("decoder"))
      decoder = makeDecoder(*node);
    added.emplace(root, model->vocabulary, normalizer.get());
  }

  std::vector<int32_t> encode(std::string_view text,
                              bool addSpecial) const override {
    std::string repaired;
    if (!isValidUtf8(text))
      text = repaired = replaceInvalid(text);
    std::vector<int32_t> ids;
    for (const Span &span : added->split(text, false)) {
      if (span.id >= 0)
        ids.push_back(span.id);
      else
        encodeText(text.substr(span.begin, span.end - span.begin),
                   span.begin == 0, ids);
    }
    if (addSpecial && postProcessor)
      return postProcessor->apply(std::move(ids));
    return ids;
  }

  std::string decode(const std::vector<int32_t> &ids,
                     bool skipSpecial) const override {
    std::vector<std::string> tokens;
    for (int32_t id : ids) {
      const std::string *token = find(id);
      if (token && !(skipSpecial && added->isSpecial(*token)))
        tokens.push_back(*token);
    }
    if (decoder)
      tokens = decoder->apply(std::move(tokens));
    std::string out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!decoder && i)
        out += ' ';
      out += tokens[i];
    }
    return out;
  }

  int64_t size() const override {
    return static_cast<int64_t>(
        std::max(model->vocabulary.size(), added->size()));
  }

  std::optional<int32_t> tokenToId(std::string_view token) const override {
    if (auto id = added->find(token))
      return id;
    return model->vocabulary.find(token);
  }

  std::optional<std::string> idToToken(int32_t id) const override {
    const std::string *token = find(id);
    return token ? std::optional(*token) : std::nullopt;
  }

private:
  const std::string *find(int32_t id) const {
    const std::string *token = added->token(id);
    return token ? token : model->vocabulary.token(id);
  }

  /// Normalises `text`, finds the tokens that are written in normalised text,
  /// and gives the rest to the model.
  void encodeText(std::string_view text, bool first,
                  std::vector<int32_t> &ids) const {
    std::string normalized;
    if (normalizer)
      text = normalized = normalizer->apply(text);
    for (const Span &span : added->split(text, true)) {
      if (span.id >= 0) {
        ids.push_back(span.id);
        continue;
      }
      std::string part(text.substr(span.begin, span.end - span.begin));
      if (!preTokenizer) {
        model->tokenize(part, ids);
        continue;
      }
      std::vector<Piece> pieces;
      pieces.push_back({std::move(part), first && span.begin == 0});
      for (const Piece &piece : preTokenizer->apply(std::move(pieces)))
        model->tokenize(piece.text, ids);
    }
  }

  std::unique_ptr<Model> model;
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> preTokenizer;
  std::unique_ptr<PostProcessor> postProcessor;
  std::unique_ptr<Decoder> decoder;
  std::optional<AddedTokens> added;
};
} // namespace

std::unique_ptr<Tokenizer> Tokenizer::fromJson(std::string_view json) {
  const std::string where = "tokenizer.json";
  nlohmann::json root = JsonNode::parse(json, where);
  return std::make_unique<HuggingFaceTokenizer>(JsonNode(root, where));
}

} // namespace qnt::tokenize
