//===- Sampler.h - choose the next token ------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_SAMPLER_H
#define QNT_TOOLS_QUANTRUN_SAMPLER_H

#include "Args.h"

#include <random>
#include <span>
#include <vector>

namespace qnt::run {

/// The index of the largest value; the first of equals.
int32_t argmax(std::span<const float> values);

/// Chooses tokens of one sequence. The same seed and logits give the same
/// choice on every machine.
class Sampler {
public:
  /// `sequence` tells the sequences of a batch apart.
  Sampler(const Args &args, uint64_t sequence);

  /// With temperature 0 the likeliest token. Else a random one after dividing
  /// `logits` by the temperature, keeping the top-k, and of these the fewest
  /// whose probability reaches top-p (Holtzman et al., arXiv:1904.09751).
  int32_t choose(std::span<const float> logits);

private:
  double temperature, topP;
  int64_t topK;
  std::mt19937_64 random;
  std::vector<int32_t> order;
  std::vector<double> weights;
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_SAMPLER_H
