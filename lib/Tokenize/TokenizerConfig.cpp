//===- TokenizerConfig.cpp - special tokens and stop tokens of a model ----===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "JsonNode.h"

#include <algorithm>

namespace qnt::tokenize {

/// A token is written as its text or as an object around it.
static std::string readToken(const std::optional<JsonNode> &node) {
  if (!node)
    return "";
  return node->raw().is_object() ? node->at("content").string()
                                 : node->string();
}

/// One template, or a list of named ones, of which "default" is for plain
/// conversations.
static std::optional<std::string> readTemplate(const JsonNode &root) {
  auto node = root.find("chat_template");
  if (!node)
    return std::nullopt;
  if (!node->raw().is_array())
    return node->string();
  auto named = node->elements();
  for (const JsonNode &entry : named)
    if (named.size() == 1 || entry.at("name").string() == "default")
      return entry.at("template").string();
  node->fail("no template is named 'default'");
}

TokenizerConfig TokenizerConfig::parse(std::string_view tokenizerConfigJson,
                                       std::string_view generationConfigJson,
                                       const Tokenizer &tokenizer) {
  TokenizerConfig config;
  auto stop = [&](int32_t id) {
    if (std::find(config.stopIds.begin(), config.stopIds.end(), id) ==
        config.stopIds.end())
      config.stopIds.push_back(id);
  };
  if (!tokenizerConfigJson.empty()) {
    const std::string where = "tokenizer_config.json";
    nlohmann::json json = JsonNode::parse(tokenizerConfigJson, where);
    JsonNode root(json, where);
    config.bos = readToken(root.find("bos_token"));
    config.eos = readToken(root.find("eos_token"));
    config.chatTemplate = readTemplate(root);
    if (!config.eos.empty()) {
      auto id = tokenizer.tokenToId(config.eos);
      if (!id)
        root.fail("eos_token '" + config.eos + "' is not in the vocabulary");
      stop(*id);
    }
  }
  if (!generationConfigJson.empty()) {
    const std::string where = "generation_config.json";
    nlohmann::json json = JsonNode::parse(generationConfigJson, where);
    if (auto ids = JsonNode(json, where).find("eos_token_id")) {
      if (!ids->raw().is_array())
        stop(ids->id());
      else
        for (const JsonNode &id : ids->elements())
          stop(id.id());
    }
  }
  return config;
}

} // namespace qnt::tokenize
