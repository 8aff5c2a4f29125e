//===- cuda-linear.cpp - linear layers of random shapes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearTest.h"

using namespace qnt;
using namespace qnt::test;

static std::vector<LinearCase> getCases(std::mt19937_64 &random) {
  auto pick = [&](auto... choices) {
    std::common_type_t<decltype(choices)...> all[] = {choices...};
    return all[random() % sizeof...(choices)];
  };
  // Any number, often no multiple of a tile.
  auto size = [&](int64_t low, int64_t high) {
    return low + int64_t(random() % uint64_t(high - low + 1));
  };
  std::string rowInt8 = "int8, per_row, scale f32";
  std::string rowUint8 = "uint8, per_row, scale f32, zero";
  std::vector<LinearCase> cases;
  for (std::string weight :
       {"int8, per_channel, scale f32", "int4, per_channel, scale f32",
        "int4, group<32>, scale f16"})
    cases.push_back({.rows = pick(1, 5, 17),
                     .features = size(8, 150),
                     .inputs = 32 * size(2, 12),
                     .weight = weight,
                     .isExact = true});
  // Every bucket of rows, and edges.
  for (int64_t rows : {1, 5, 17, 40, 130})
    cases.push_back(
        {.rows = rows,
         .features = size(1, rows > 100 ? 140 : 260),
         .inputs = size(1, 600),
         .weight = pick("int8, per_channel, scale f32",
                        "int4, per_channel, scale f16",
                        "int4, per_tensor, scale f32"),
         .epilogue = pick("", "bias", "bias, gelu", "silu, mul", "add, tanh")});
  for (const char *weight :
       {"int4, group<128>, scale f16", "int4, group<64>, scale bf16",
        "int4, group<256>, scale f32", "int3, group<32>, scale f16",
        "int2, group<96>, scale f16", "int8, group<128>, scale f16",
        "int5, per_channel, scale f32"})
    cases.push_back({.rows = pick(1, 5, 17, 33),
                     .features = size(1, 200),
                     .inputs = size(100, 700),
                     .weight = weight,
                     .epilogue = pick("", "bias, relu", "gelu_tanh", "sigmoid",
                                      "bias, add")});
  for (const char *weight : {"uint4, group<32>, scale f16, zero",
                             "int4, group<128>, scale f32, zero",
                             "uint4, group<64>, scale f16, offset"})
    cases.push_back({.rows = pick(1, 7, 20),
                     .features = size(1, 100),
                     .inputs = size(1, 400),
                     .weight = weight,
                     .input = pick(rowInt8, rowUint8)});
  cases.push_back({.rows = 9,
                   .features = size(1, 100),
                   .inputs = size(1, 400),
                   .weight = "uint8, per_channel, scale f32",
                   .input = rowUint8});
  cases.push_back({.rows = 20,
                   .features = size(1, 100),
                   .inputs = size(1, 400),
                   .weight = "int4, group<32>, scale f16",
                   .input = "int8, per_tensor, scale f32"});
  // Float activations.
  for (const char *weight :
       {"int4, group<128>, scale f16", "int4, group<16>, scale f32",
        "uint4, group<64>, scale f16, zero", "int2, group<32>, scale bf16",
        "int3, per_channel, scale f32", "uint3, per_channel, scale f32, zero",
        "int8, per_channel, scale f16", "uint4, group<256>, scale f32, zero",
        "int4, group<96>, scale f16", "e4m3, per_channel, scale f32",
        "e5m2, group<128>, scale f16", "e2m1, group<32>, scale f16",
        "e3m2, group<64>, scale bf16", "f16, unscaled", "bf16, unscaled"})
    cases.push_back({.rows = pick(1, 5, 17, 40, 70),
                     .features = size(1, 150),
                     .inputs = size(1, 500),
                     .weight = weight,
                     .input = "f16",
                     .epilogue = pick("", "bias, relu", "silu, mul")});
  // Codes of floats on both sides.
  for (const char *weight :
       {"e4m3, per_channel, scale f32", "e4m3, group<128>, scale f16",
        "e5m2, per_tensor, scale f32", "e4m3, group<32>, scale bf16"})
    cases.push_back(
        {.rows = pick(1, 17, 40, 70),
         .features = size(1, 150),
         .inputs = size(1, 500),
         .weight = weight,
         .input = pick("e4m3, per_row, scale f32", "e5m2, per_row, scale f32",
                       "e4m3, per_tensor, scale f32"),
         .epilogue = pick("", "bias, relu", "silu, mul"),
         .tileRows = pick(16, 32, 64),
         .splits = pick(0, 2)});
  // In blocks on both sides.
  for (std::string format :
       {"e2m1, group<16>, scale f8E4M3FN", "e2m1, group<32>, scale f8E8M0FNU"})
    for (int64_t rows : {1, 17, 40, 130})
      cases.push_back({.rows = rows,
                       .features = size(1, rows > 100 ? 140 : 260),
                       .inputs = size(1, 700),
                       .weight = format,
                       .input = format,
                       .epilogue = pick("", "bias, relu", "silu, mul"),
                       .splits = rows == 17 ? 2 : 0});
  // Blocks that share a tile.
  for (std::string input : {rowInt8, std::string("f16")})
    for (const char *weight :
         {"int4, group<64>, scale f16", "int8, per_channel, scale f32"})
      cases.push_back({.rows = pick(1, 20),
                       .features = size(1, 150),
                       .inputs = size(300, 900),
                       .weight = weight,
                       .input = input,
                       .epilogue = pick("", "bias, gelu"),
                       .splits = pick(2, 3)});
  // Rows beyond the largest tile, by the kernel of a smaller one.
  cases.push_back({.rows = 70,
                   .features = size(1, 100),
                   .inputs = size(1, 200),
                   .weight = "int8, per_channel, scale f32",
                   .epilogue = "clamp",
                   .tileRows = 64});
  return cases;
}

int main() {
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Report report;
  for (const LinearCase &test : getCases(random))
    report.add(test.getName(),
               [&] { return runLinear(*context, test, random); });
  return report.getExitStatus();
}
