//===- LanguageModel.cpp - a language model and its cache -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LanguageModel.h"
#include "Output.h"

#include <algorithm>

using namespace qnt::run;

LanguageModel::LanguageModel(Model &model, int64_t batch, int64_t maxLength)
    : batch(batch), maxLength(maxLength), model(model), starts(batch) {
  model.needKind("causal_lm", "this");
  prefillEntry = model.entry("prefill");
  decodeEntry = model.entry("decode");
  scoreEntry = model.entry("score");
  auto outputs = model.outputs(decodeEntry);
  if (outputs.size() != 1 || outputs[0]->rank != 2 || outputs[0]->shape[1] < 1)
    throw RunError(model.path + ": entry 'decode': expected one output of "
                                "shape [batch, vocabulary]");
  vocab = outputs[0]->shape[1];
  cache = ModelMemory(model, qnt_kv_bytes(model.handle, batch, maxLength));
}

std::span<const float> LanguageModel::prefill(std::span<const int32_t> tokens,
                                              std::span<const int32_t> last) {
  std::ranges::fill(starts, 0);
  return call(prefillEntry, tokens, starts, last, false);
}

std::span<const float>
LanguageModel::decode(std::span<const int32_t> tokens,
                      std::span<const int32_t> positions) {
  return call(decodeEntry, tokens, positions, {}, false);
}

std::span<const float> LanguageModel::score(std::span<const int32_t> tokens,
                                            int64_t position) {
  std::ranges::fill(starts, position);
  return call(scoreEntry, tokens, starts, {}, true);
}

std::span<const float> LanguageModel::call(int64_t entry,
                                           std::span<const int32_t> tokens,
                                           std::span<const int32_t> positions,
                                           std::span<const int32_t> last,
                                           bool allRows) {
  auto data = [](std::span<const int32_t> values) {
    return const_cast<int32_t *>(values.data());
  };
  int64_t count = tokens.size() / batch;
  const int64_t tokensShape[] = {batch, count};
  const int64_t allShape[] = {batch, count, vocab};
  const int64_t lastShape[] = {batch, vocab};
  int64_t floats = batch * (allRows ? count : 1) * vocab;
  if (logits.size() < floats * int64_t(sizeof(float)))
    logits = Buffer(floats * sizeof(float));

  const qnt_tensor inputs[] = {
      {data(tokens), QNT_I32, 2, tokensShape, nullptr},
      {data(positions), QNT_I32, 1, tokensShape, nullptr},
      {data(last), QNT_I32, 1, tokensShape, nullptr}};
  qnt_tensor output = {logits.data(), QNT_F32, allRows ? 3 : 2,
                       allRows ? allShape : lastShape, nullptr};
  qnt_memory memory{};
  memory.kv = cache.data();
  memory.kv_bytes = cache.size();
  memory.max_length = maxLength;
  model.run(entry, {inputs, last.empty() ? 2u : 3u}, {&output, 1}, &memory);
  return {reinterpret_cast<const float *>(logits.data()), size_t(floats)};
}

int64_t qnt::run::contextLength(const Model &model, const Args &args,
                                int64_t wanted) {
  int64_t limit = model.property("max_length");
  if (limit && args.context > limit)
    throw RunError(model.path + ": --context " + std::to_string(args.context) +
                   " is more than the model's " + std::to_string(limit));
  if (args.context)
    limit = args.context;
  return limit ? std::min(wanted, limit) : wanted;
}
