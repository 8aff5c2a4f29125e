//===- TokenCount.cpp - ids of a tokenizer against a model ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TokenCount.h"

#include "Tensors.h"

#include "qnt/Support/Json.h"

#include <nlohmann/json.hpp>

using namespace qnt;
using namespace qnt::importer;
using nlohmann::json;

int64_t qnt::importer::countTokens(std::string_view text,
                                   const std::string &where) {
  json file = support::parseJson(text, where);
  auto fail = [&](const std::string &message) {
    throw ImportError(where + ": " + message);
  };
  if (!file.is_object())
    fail("expected a JSON object");
  auto model = file.find("model");
  if (model == file.end() || !model->is_object() || !model->contains("vocab"))
    fail("'model' has no 'vocab', expected a tokenizer");
  int64_t count = 0;
  auto take = [&](const json &id, const std::string &what) {
    if (!id.is_number_integer() || id < 0 || id > maxSize)
      fail("the id of " + what + " must be an integer of at least 0, got " +
           id.dump());
    count = std::max(count, id.get<int64_t>() + 1);
  };
  const json &vocab = (*model)["vocab"];
  if (vocab.is_object())
    for (const auto &[token, id] : vocab.items())
      take(id, "token " + json(token).dump());
  else if (vocab.is_array())
    count = int64_t(vocab.size());
  else
    fail("'vocab' must be an object or a list");
  auto added = file.find("added_tokens");
  if (added != file.end() && !added->is_null())
    for (const json &token : *added)
      take(token.is_object() ? token.value("id", json()) : json(),
           "an added token");
  return count;
}

void qnt::importer::checkTokenCount(int64_t tokens, int64_t vocab,
                                    const std::string &where) {
  if (tokens > vocab)
    throw ImportError(where +
                      ": the tokenizer does not match the vocabulary: it has "
                      "ids up to " +
                      std::to_string(tokens - 1) + ", but the model embeds " +
                      std::to_string(vocab) + " tokens");
}
