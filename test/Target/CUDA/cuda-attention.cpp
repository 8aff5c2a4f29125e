//===- cuda-attention.cpp - attention of random shapes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AttentionTest.h"

using namespace qnt;
using namespace qnt::test;

static std::vector<AttentionCase> getCases(std::mt19937_64 &random) {
  auto size = [&](int64_t low, int64_t high) {
    return draw(random, low, high);
  };
  auto pick = [&](auto... choices) {
    std::common_type_t<decltype(choices)...> all[] = {choices...};
    return all[random() % sizeof...(choices)];
  };
  std::vector<AttentionCase> cases;
  for (const char *element : {"f32", "f16", "i8", "i4"}) {
    int64_t kvHeads = size(1, 2);
    // Calls of many tokens, then of few.
    cases.push_back({.heads = kvHeads * pick(1, 2, 4),
                     .kvHeads = kvHeads,
                     .headDim = pick(8, 32, 48, 64),
                     .calls = {size(1, 60), size(1, 3), 1},
                     .batch = size(1, 2),
                     .element = element,
                     .window = pick(0, 20)});
    cases.push_back({.heads = kvHeads * pick(1, 3, 6),
                     .kvHeads = kvHeads,
                     .headDim = pick(64, 128),
                     .calls = {size(1, 120), 1},
                     .element = element,
                     .splits = size(2, 4)});
    cases.push_back({.heads = kvHeads * pick(1, 2, 3),
                     .kvHeads = kvHeads,
                     .headDim = pick(16, 48, 64, 128),
                     .calls = {size(1, 90), size(1, 70)},
                     .batch = size(1, 2),
                     .element = element,
                     .window = pick(0, 0, 33),
                     .tiles = true});
  }
  for (bool tiles : {false, true})
    for (bool hasLengths : {false, true})
      for (bool causal : {false, true}) {
        int64_t kvHeads = size(1, 2);
        cases.push_back({.heads = kvHeads * pick(1, 2),
                         .kvHeads = kvHeads,
                         .headDim = pick(16, 32, 64),
                         .calls = {size(1, 100)},
                         .batch = size(1, 3),
                         .element = "",
                         .hasLengths = hasLengths,
                         .causal = causal,
                         .window = causal ? pick(0, 9) : 0,
                         .tiles = tiles});
      }
  return cases;
}

int main() {
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Report report;
  for (const AttentionCase &test : getCases(random))
    report.add(test.getName(),
               [&] { return runAttention(*context, test, random); });
  return report.getExitStatus();
}
