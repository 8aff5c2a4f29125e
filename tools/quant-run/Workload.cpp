//===- Workload.cpp - made-up work to measure -----------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Workload.h"
#include "Output.h"

#include <algorithm>
#include <random>

using namespace qnt::run;

Summary::Summary(std::vector<double> runs) {
  std::ranges::sort(runs);
  size_t middle = runs.size() / 2;
  median =
      runs.size() % 2 ? runs[middle] : (runs[middle - 1] + runs[middle]) / 2;
  spread = median > 0 ? (runs.back() - runs.front()) / median : 0;
}

static std::vector<int32_t> randomTokens(const Args &args, int64_t count,
                                         int64_t vocab) {
  std::mt19937_64 random(args.seed);
  std::vector<int32_t> tokens(count);
  for (int32_t &token : tokens)
    token = random() % vocab;
  return tokens;
}

LanguageWorkload::LanguageWorkload(Model &model, const Args &args) {
  int64_t wanted = args.promptTokens + args.genTokens;
  int64_t room = contextLength(model, args, std::max<int64_t>(wanted, 1024));
  promptTokens = args.promptTokens ? args.promptTokens
                                   : std::clamp<int64_t>(room / 2, 1, 512);
  genTokens = args.genTokens ? args.genTokens
                             : std::clamp<int64_t>(room - promptTokens, 1, 64);
  if (promptTokens + genTokens > room)
    throw RunError(model.path + ": " + std::to_string(promptTokens) +
                   " prompt tokens and " + std::to_string(genTokens) +
                   " more do not fit in a context of " + std::to_string(room));
  batch = args.batch ? args.batch : 1;
  language =
      std::make_unique<LanguageModel>(model, batch, promptTokens + genTokens);
  prompt = randomTokens(args, batch * promptTokens, language->vocab);
  next = randomTokens(args, batch, language->vocab);
  last.assign(batch, promptTokens - 1);
  positions.resize(batch);
  if (auto ideal = model.manifest.find("ideal_bytes");
      ideal != model.manifest.end()) {
    paramBytes = ideal->value("params", 0.0);
    kvBytesPerToken = ideal->value("kv_per_token", 0.0);
  }
}

double LanguageWorkload::prefill() {
  return secondsOf([&] { language->prefill(prompt, last); });
}

double LanguageWorkload::decode(int64_t step) {
  std::ranges::fill(positions, promptTokens + step);
  return secondsOf([&] { language->decode(next, positions); });
}

double LanguageWorkload::idealBytes(int64_t step) const {
  return paramBytes + batch * kvBytesPerToken * (promptTokens + step + 1);
}

/// Random tokens, all of one type and all valid.
static std::vector<Tensor> sentences(const Model &model, int64_t entry,
                                     const Args &args) {
  int64_t batch = args.batch ? args.batch : 1, limit = 0;
  limit = model.property("max_length");
  if (limit && args.tokens > limit)
    throw RunError(model.path + ": --tokens " + std::to_string(args.tokens) +
                   " is more than the model's " + std::to_string(limit));
  int64_t vocab = std::max<int64_t>(model.property("vocab_size"), 1);
  std::vector<Tensor> tensors;
  for (const qnt_tensor_info *info : model.inputs(entry)) {
    std::string_view name = info->name;
    Tensor &tensor = tensors.emplace_back(
        QNT_I32,
        info->rank == 1 ? std::vector{batch} : std::vector{batch, args.tokens});
    if (name == "tokens")
      std::ranges::copy(randomTokens(args, batch * args.tokens, vocab),
                        tensor.as<int32_t>().begin());
    if (name == "lengths")
      std::ranges::fill(tensor.as<int32_t>(), args.tokens);
  }
  return tensors;
}

/// Normally distributed floats; other inputs stay zero.
static std::vector<Tensor> noise(const Model &model, int64_t entry,
                                 const Args &args) {
  std::mt19937_64 random(args.seed);
  std::normal_distribution<float> normal;
  std::vector<Tensor> tensors;
  for (const qnt_tensor_info *info : model.inputs(entry)) {
    std::vector<int64_t> shape(info->shape, info->shape + info->rank);
    for (int64_t &extent : shape)
      if (extent < 0)
        extent = args.batch ? args.batch : 1;
    Tensor &tensor = tensors.emplace_back(info->dtype, std::move(shape));
    if (info->dtype == QNT_F32)
      std::ranges::generate(tensor.as<float>(), [&] { return normal(random); });
  }
  return tensors;
}

Call qnt::run::makeWorkload(Model &model, const Args &args) {
  bool encoder = model.kind == "encoder";
  int64_t entry = encoder && args.entry.empty() && model.hasEntry("embed")
                      ? model.entry("embed")
                      : chosenEntry(model, args);
  auto inputs = !args.inputs.empty()
                    ? toTensors(model, entry, readInputs(model, entry, args))
                : encoder ? sentences(model, entry, args)
                          : noise(model, entry, args);
  return Call(model, entry, args, std::move(inputs));
}

int64_t qnt::run::workloadBatch(const Call &call) {
  for (const Tensor &tensor : call.inputs)
    if (!tensor.shape.empty())
      return std::max<int64_t>(tensor.shape[0], 1);
  return 1;
}
