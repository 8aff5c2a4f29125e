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
                     .kind = AttentionCase::Tiles});
  }
  // Few tokens on products: rows of a cache are multiples of 32 bytes.
  for (auto [element, multiple, most] :
       {std::tuple("f16", 16, 256), std::tuple("i8", 32, 256),
        std::tuple("i4", 64, 192)}) {
    auto pickDim = [&] {
      return pick(64, 128, multiple * size(1, most / multiple));
    };
    auto add = [&](AttentionCase test) {
      test.heads *= test.kvHeads;
      test.element = element;
      test.kind = AttentionCase::Columns;
      cases.push_back(test);
    };
    // More than eight columns, some of which see more positions.
    add({.heads = pick(1, 2, 3, 4, 8, 12),
         .kvHeads = size(1, 2),
         .headDim = pickDim(),
         .calls = {size(1, 60), size(1, 9), 1},
         .batch = size(1, 3),
         .window = pick(0, 20)});
    add({.heads = pick(1, 4, 6, 8),
         .kvHeads = size(1, 2),
         .headDim = pickDim(),
         .calls = {size(1, 300), 1},
         .window = pick(0, 0, 100),
         .splits = size(2, 5)});
  }
  for (bool tiles : {false, true})
    for (bool hasLengths : {false, true})
      for (bool causal : {false, true}) {
        int64_t kvHeads = size(1, 2);
        cases.push_back(
            {.heads = kvHeads * pick(1, 2),
             .kvHeads = kvHeads,
             .headDim = pick(16, 32, 64),
             .calls = {size(1, 100)},
             .batch = size(1, 3),
             .element = "",
             .hasLengths = hasLengths,
             .causal = causal,
             .window = causal ? pick(0, 9) : 0,
             .kind = tiles ? AttentionCase::Tiles : AttentionCase::Rows});
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
