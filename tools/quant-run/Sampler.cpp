//===- Sampler.cpp - choose the next token --------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace qnt::run;

int32_t qnt::run::argmax(std::span<const float> values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

Sampler::Sampler(const Args &args, uint64_t sequence)
    : temperature(args.temperature), topP(args.topP), topK(args.topK),
      random(args.seed + sequence) {}

int32_t Sampler::choose(std::span<const float> logits) {
  if (temperature == 0)
    return argmax(logits);
  // Likeliest first; equals by index, so that the order is one only.
  order.resize(logits.size());
  std::iota(order.begin(), order.end(), 0);
  size_t kept = topK ? std::min<size_t>(topK, order.size()) : order.size();
  double largest = logits[argmax(logits)];
  if (kept < order.size() || topP < 1)
    std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                      [&](int32_t a, int32_t b) {
                        return logits[a] != logits[b] ? logits[a] > logits[b]
                                                      : a < b;
                      });
  weights.resize(kept);
  double total = 0;
  for (size_t i = 0; i < kept; ++i) {
    weights[i] = std::exp((double(logits[order[i]]) - largest) / temperature);
    total += weights[i];
  }
  double mass = 0;
  size_t nucleus = 0;
  while (nucleus < kept && (nucleus == 0 || mass < topP * total))
    mass += weights[nucleus++];

  double target = double(random() >> 11) * 0x1p-53 * mass;
  for (size_t i = 0; i + 1 < nucleus; ++i) {
    target -= weights[i];
    if (target < 0)
      return order[i];
  }
  return order[nucleus - 1];
}
