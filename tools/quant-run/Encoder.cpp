//===- Encoder.cpp - sentence embeddings ----------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Encoder.h"
#include "Output.h"

#include <cmath>

using namespace qnt::run;

Encoder::Encoder(Model &model) : model(model), text(model) {
  model.needKind("encoder", "this");
  entry = model.entry("embed");
  auto outputs = model.outputs(entry);
  if (outputs.size() != 1 || outputs[0]->rank != 2 || outputs[0]->shape[1] < 1)
    throw RunError(model.path + ": entry 'embed': expected one output of shape "
                                "[batch, width]");
  width = outputs[0]->shape[1];
}

std::vector<float> Encoder::embed(const std::string &sentence) {
  std::vector<int32_t> tokens = text.encode(sentence, /*addSpecial=*/true);
  if (tokens.empty())
    throw RunError(model.path + ": a sentence has no tokens");
  int64_t limit = model.property("max_length");
  if (limit && int64_t(tokens.size()) > limit) {
    tokens[limit - 1] = tokens.back();
    tokens.resize(limit);
  }
  std::vector<int32_t> types(tokens.size(), 0);
  int32_t length = tokens.size();
  std::vector<float> embedding(width);

  const int64_t tokensShape[] = {1, length}, widthShape[] = {1, width};
  const qnt_tensor inputs[] = {
      {tokens.data(), QNT_I32, 2, tokensShape, nullptr},
      {types.data(), QNT_I32, 2, tokensShape, nullptr},
      {&length, QNT_I32, 1, tokensShape, nullptr}};
  const qnt_tensor output = {embedding.data(), QNT_F32, 2, widthShape, nullptr};
  model.run(entry, inputs, {&output, 1});
  return embedding;
}

double qnt::run::cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double(a[i]) * b[i];
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}
