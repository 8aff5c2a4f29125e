//===- Pooling.cpp - sentence embeddings of an encoder ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Pooling.h"

#include "qnt/Support/Json.h"

using namespace qnt::huggingface;
using nlohmann::json;

/// Checks the settings of a pooling module.
static void checkMeanPooling(const Config &config, int64_t hiddenSize) {
  int64_t width = config.size("word_embedding_dimension", hiddenSize);
  if (width != hiddenSize)
    config.fail("'word_embedding_dimension' is " + std::to_string(width) +
                ", expected the encoder's " + std::to_string(hiddenSize));
  std::string mode = config.text("pooling_mode", "mean");
  bool mean = mode == "mean";
  // Older files have a flag for each mode.
  for (const auto &[key, value] : config.value().items()) {
    if (!key.starts_with("pooling_mode_"))
      continue;
    bool used = config.flag(key.c_str(), false);
    if (key == "pooling_mode_mean_tokens")
      mean = mean && used;
    else if (used)
      config.fail("pooling '" + key +
                  "' is not supported, expected pooling_mode_mean_tokens");
  }
  if (!mean)
    config.fail("expected mean pooling ('pooling_mode_mean_tokens')");
}

std::optional<Pooling>
qnt::huggingface::readPooling(const Checkpoint &checkpoint,
                              int64_t hiddenSize) {
  if (!checkpoint.has("modules.json"))
    return std::nullopt;
  std::string where = checkpoint.path("modules.json");
  json modules = support::readJson(where);
  if (!modules.is_array())
    throw ImportError(where + ": must be a list of modules");
  std::optional<Pooling> pooling;
  for (size_t i = 0; i < modules.size(); ++i) {
    Config module(modules[i], where + ": [" + std::to_string(i) + "]");
    // "sentence_transformers.models.Pooling": the package may change.
    std::string type = module.text("type", "");
    std::string kind = type.substr(type.rfind('.') + 1);
    bool ordered = true;
    if (kind == "Transformer") {
      ordered = i == 0;
    } else if (kind == "Pooling") {
      ordered = !pooling;
      checkMeanPooling(
          readConfig(checkpoint.path(module.text("path", "") + "/config.json")),
          hiddenSize);
      pooling.emplace();
    } else if (kind == "Normalize") {
      ordered = pooling && !pooling->normalize;
      if (ordered)
        pooling->normalize = true;
    } else {
      module.fail("module '" + type +
                  "' is not supported, expected "
                  "Transformer, Pooling or Normalize");
    }
    if (!ordered)
      module.fail("'" + type +
                  "' is out of order, expected Transformer, "
                  "Pooling, Normalize");
  }
  return pooling;
}
