//===- Windows.cpp - likelihood of text, window by window -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Windows.h"
#include "Output.h"
#include "Text.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace qnt::run;

/// Models that take very long texts are measured on windows of this size
/// unless --context says otherwise.
static constexpr int64_t largestDefaultWindow = 2048;

Windows::Windows(const Model &model, const Args &args,
                 const std::string &file) {
  size = contextLength(model, args,
                       args.context ? args.context : largestDefaultWindow);
  tokens = Text(model).encode(readFile(file));
  int64_t whole = tokens.size() / size;
  if (whole == 0)
    throw RunError(file + ": " + std::to_string(tokens.size()) +
                   " tokens do not fill one window of " + std::to_string(size));
  if (args.limit)
    whole = std::min(whole, args.limit);
  tokens.resize(whole * size);
}

double qnt::run::logSumExp(std::span<const float> row) {
  double largest = *std::max_element(row.begin(), row.end()), sum = 0;
  for (float value : row)
    sum += std::exp(value - largest);
  return largest + std::log(sum);
}

double qnt::run::negativeLogLikelihood(std::span<const float> logits,
                                       std::span<const int32_t> targets) {
  int64_t rows = targets.size(), vocab = logits.size() / rows;
  std::vector<double> losses(rows);
#pragma omp parallel for
  for (int64_t i = 0; i < rows; ++i) {
    auto row = logits.subspan(i * vocab, vocab);
    losses[i] = logSumExp(row) - row[targets[i]];
  }
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}
