//===- Text.cpp - a model's tokenizer -------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Text.h"
#include "Output.h"
#include "qnt/Support/MappedFile.h"

using namespace qnt::run;
using namespace qnt::tokenize;

Text::Text(const Model &model)
    : path(model.path), vocab(model.property("vocab_size")) {
  try {
    if (auto json = model.asset("tokenizer.json"); !json.empty())
      tokenizer = Tokenizer::fromJson(json);
    else if (auto bytes = model.asset("tokenizer.model"); !bytes.empty())
      tokenizer = Tokenizer::fromSentencePiece(bytes);
    else
      throw RunError(path + ": the model carries no tokenizer");
    config = TokenizerConfig::parse(model.asset("tokenizer_config.json"),
                                    model.asset("generation_config.json"),
                                    *tokenizer);
  } catch (const TokenizerError &error) {
    throw RunError(path + ": " + error.what());
  }
  stops.insert(config.stopIds.begin(), config.stopIds.end());
  if (auto found = model.manifest.find("model");
      found != model.manifest.end() && found->contains("eos"))
    for (const auto &id : (*found)["eos"])
      if (id.is_number_integer())
        stops.insert(id.get<int32_t>());
}

std::vector<int32_t> Text::encode(std::string_view text,
                                  bool addSpecial) const {
  std::vector<int32_t> ids = tokenizer->encode(text, addSpecial);
  for (int32_t id : ids)
    if (id < 0 || (vocab && id >= vocab))
      throw RunError(path + ": the tokenizer does not match the model: it " +
                     "yields the id " + std::to_string(id) +
                     ", but the vocabulary has " + std::to_string(vocab));
  return ids;
}

std::string Text::chat(const std::string &system,
                       const std::string &prompt) const {
  if (!config.chatTemplate)
    throw RunError(path + ": the model has no chat template");
  std::vector<Message> messages;
  if (!system.empty())
    messages.push_back({"system", system});
  messages.push_back({"user", prompt});
  return ChatTemplate(*config.chatTemplate)
      .render(messages, /*addGenerationPrompt=*/true, config.bos, config.eos);
}

std::string qnt::run::readFile(const std::string &path) {
  support::MappedFile file(path);
  return std::string(reinterpret_cast<const char *>(file.bytes().data()),
                     file.bytes().size());
}
