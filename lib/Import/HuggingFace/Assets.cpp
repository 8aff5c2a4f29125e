//===- Assets.cpp - what travels with a model -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Assets.h"

#include "qnt/Support/Json.h"
#include "qnt/Support/MappedFile.h"
#include "qnt/Tokenize/Tokenizer.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;
using nlohmann::json;

/// One more than the largest id of a tokenizer.json, without building the
/// tokenizer: a model may be compiled without its text being processed here.
static int64_t countJsonTokens(const std::string &path) {
  Config file = readConfig(path);
  std::optional<Config> model = file.findObject("model");
  if (!model || !model->has("vocab"))
    file.fail("'model' has no 'vocab', expected a tokenizer");
  int64_t count = 0;
  auto take = [&](const json &id, const std::string &what) {
    if (!id.is_number_integer() || id < 0 || id > maxSize)
      file.fail("the id of " + what +
                " must be an integer of at least 0, got " + id.dump());
    count = std::max(count, id.get<int64_t>() + 1);
  };
  const json &vocab = model->value()["vocab"];
  if (vocab.is_object())
    for (const auto &[token, id] : vocab.items())
      take(id, "token " + json(token).dump());
  else if (vocab.is_array())
    count = vocab.size();
  else
    model->fail("'vocab' must be an object or a list");
  if (file.has("added_tokens"))
    for (const json &token : file.value()["added_tokens"])
      take(token.is_object() ? token.value("id", json()) : json(),
           "an added token");
  return count;
}

static int64_t countSentencePieces(const std::string &path) {
  support::MappedFile file(path);
  std::span<const std::byte> bytes = file.bytes();
  try {
    return tokenize::Tokenizer::fromSentencePiece(
               {reinterpret_cast<const char *>(bytes.data()), bytes.size()})
        ->size();
  } catch (const tokenize::TokenizerError &error) {
    throw ImportError(path + ": " + error.what());
  }
}

DictionaryAttr qnt::huggingface::readAssets(const Checkpoint &checkpoint,
                                            int64_t vocabSize,
                                            MLIRContext *context) {
  Builder builder(context);
  SmallVector<NamedAttribute> assets;
  for (const char *name :
       {"tokenizer.json", "tokenizer.model", "tokenizer_config.json",
        "special_tokens_map.json", "generation_config.json"})
    if (checkpoint.has(name))
      assets.push_back(builder.getNamedAttr(
          name, builder.getStringAttr(checkpoint.path(name))));

  std::string path;
  int64_t tokens = 0;
  if (checkpoint.has("tokenizer.json")) {
    path = checkpoint.path("tokenizer.json");
    tokens = countJsonTokens(path);
  } else if (checkpoint.has("tokenizer.model")) {
    path = checkpoint.path("tokenizer.model");
    tokens = countSentencePieces(path);
  }
  if (tokens > vocabSize)
    throw ImportError(path + ": the tokenizer does not match the vocabulary: " +
                      "it has ids up to " + std::to_string(tokens - 1) +
                      ", but the model embeds " + std::to_string(vocabSize) +
                      " tokens");
  return builder.getDictionaryAttr(assets);
}

/// Token ids under `key`: a number, a list, or null.
static SmallVector<int64_t> readIds(const Config &config, const char *key,
                                    int64_t vocabSize) {
  SmallVector<int64_t> ids;
  if (!config.has(key))
    return ids;
  json value = config.value()[key];
  if (!value.is_array())
    value = json::array({value});
  for (const json &id : value) {
    if (!id.is_number_integer() || id < 0 || id >= vocabSize)
      config.fail("'" + std::string(key) + "' must hold token ids below " +
                  std::to_string(vocabSize) + ", got " + id.dump());
    ids.push_back(id.get<int64_t>());
  }
  return ids;
}

DictionaryAttr qnt::huggingface::readModelAttr(const Checkpoint &checkpoint,
                                               StringRef architecture,
                                               const ModelInfo &info,
                                               MLIRContext *context) {
  Builder builder(context);
  std::optional<Config> generation;
  if (checkpoint.has("generation_config.json"))
    generation = readConfig(checkpoint.path("generation_config.json"));
  auto ids = [&](const char *key) {
    const Config &source =
        generation && generation->has(key) ? *generation : checkpoint.config;
    return readIds(source, key, info.vocabSize);
  };
  NamedAttrList attributes;
  attributes.append("kind", builder.getStringAttr(info.kind));
  attributes.append("architecture", builder.getStringAttr(architecture));
  attributes.append("vocab_size", builder.getI64IntegerAttr(info.vocabSize));
  attributes.append("hidden_size", builder.getI64IntegerAttr(info.hiddenSize));
  attributes.append("layers", builder.getI64IntegerAttr(info.layers));
  attributes.append("max_length", builder.getI64IntegerAttr(info.maxLength));
  if (info.tokenTypes)
    attributes.append("token_types",
                      builder.getI64IntegerAttr(info.tokenTypes));
  attributes.append("eos", builder.getI64ArrayAttr(ids("eos_token_id")));
  SmallVector<int64_t> bos = ids("bos_token_id");
  if (!bos.empty())
    attributes.append("bos", builder.getI64IntegerAttr(bos.front()));
  return attributes.getDictionary(context);
}
