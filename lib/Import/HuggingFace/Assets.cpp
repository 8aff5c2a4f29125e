//===- Assets.cpp - what travels with a model -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Assets.h"

#include "../Graph/TokenCount.h"

#include "qnt/Support/MappedFile.h"
#include "qnt/Tokenize/Tokenizer.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;
using nlohmann::json;

static std::string_view getText(const support::MappedFile &file) {
  std::span<const std::byte> bytes = file.bytes();
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

static int64_t countJsonTokens(const std::string &path) {
  support::MappedFile file(path);
  return importer::countTokens(getText(file), path);
}

static int64_t countSentencePieces(const std::string &path) {
  support::MappedFile file(path);
  try {
    return tokenize::Tokenizer::fromSentencePiece(getText(file))->size();
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
  importer::checkTokenCount(tokens, vocabSize, path);
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
  std::optional<Config> generation;
  if (checkpoint.has("generation_config.json"))
    generation = readConfig(checkpoint.path("generation_config.json"));
  auto ids = [&](const char *key) {
    const Config &source =
        generation && generation->has(key) ? *generation : checkpoint.config;
    return readIds(source, key, info.vocabSize);
  };
  SmallVector<int64_t> bos = ids("bos_token_id");
  return makeModelAttr(info, architecture, ids("eos_token_id"),
                       bos.empty() ? std::nullopt : std::optional(bos.front()),
                       context);
}
