//===- cuda-warpgroups.cpp - linear layers by warpgroups -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// cuda-warpgroups CHIP: of a chip with wgmma or with tcgen05.
//===----------------------------------------------------------------------===//
#include "LinearTest.h"

using namespace qnt;
using namespace qnt::test;

static std::vector<LinearCase> getCases(std::mt19937_64 &random,
                                        bool byTensor) {
  auto pick = [&](auto... choices) {
    std::common_type_t<decltype(choices)...> all[] = {choices...};
    return all[random() % sizeof...(choices)];
  };
  // Any number, often no multiple of a tile.
  auto size = [&](int64_t low, int64_t high) {
    return low + int64_t(random() % uint64_t(high - low + 1));
  };
  // Columns of a product are multiples of 8, of tcgen05 of 16.
  auto rows = [&] { return byTensor ? pick(16, 48, 64) : pick(8, 24, 64); };
  std::string rowInt8 = "int8, per_row, scale f32";
  std::string rowUint8 = "uint8, per_row, scale f32, zero";
  std::vector<LinearCase> cases;
  for (std::string weight :
       {"int8, per_channel, scale f32", "int4, per_channel, scale f32",
        "int4, group<32>, scale f16"})
    cases.push_back({.rows = size(1, 40),
                     .features = size(8, 150),
                     .inputs = 32 * size(2, 20),
                     .weight = weight,
                     .isExact = true,
                     .tileRows = rows(),
                     .warpgroups = pick(1, 2)});
  // Integers: all ways to scale, more chunks than stages.
  for (std::string weight :
       {"int8, per_channel, scale f32", "int4, group<128>, scale f16",
        "int5, group<64>, scale bf16", "int3, group<96>, scale f32",
        "int2, group<256>, scale f16", "uint4, group<32>, scale f16, zero",
        "int4, group<128>, scale f32, zero", "uint8, per_channel, scale f32",
        "uint4, group<64>, scale f16, offset"})
    cases.push_back(
        {.rows = size(1, 80),
         .features = size(1, 200),
         .inputs = size(1, 900),
         .weight = weight,
         .input = pick(rowInt8, rowUint8),
         .epilogue = pick("", "bias", "bias, gelu", "silu, mul", "add, tanh"),
         .tileRows = rows(),
         .warpgroups = pick(1, 2)});
  // Floats.
  for (const char *weight :
       {"int4, group<128>, scale f16", "uint4, group<64>, scale f16, zero",
        "uint3, per_channel, scale f32, zero", "int4, group<96>, scale f16",
        "int2, group<32>, scale bf16", "e4m3, per_channel, scale f32",
        "e2m1, group<32>, scale f16", "f16, unscaled", "bf16, unscaled"})
    cases.push_back({.rows = size(1, 80),
                     .features = size(1, 200),
                     .inputs = size(1, 600),
                     .weight = weight,
                     .input = "f16",
                     .epilogue = pick("", "bias, relu", "silu, mul"),
                     .tileRows = rows(),
                     .warpgroups = pick(1, 2)});
  // Codes of floats.
  for (const char *weight :
       {"e4m3, per_channel, scale f32", "e4m3, group<128>, scale f32",
        "e4m3, group<64>, scale f16", "e5m2, per_channel, scale f32",
        "e4m3, group<256>, scale bf16"}) {
    cases.push_back(
        {.rows = size(1, 80),
         .features = size(1, 200),
         .inputs = size(1, 600),
         .weight = weight,
         .input = pick("e4m3, per_row, scale f32", "e5m2, per_row, scale f32"),
         .epilogue = pick("", "bias, relu", "silu, mul"),
         .tileRows = rows(),
         .warpgroups = pick(1, 2)});
    // Of a NaN, relu may make 0.
    cases.back().hasNaN =
        cases.back().epilogue != "bias, relu" && pick(false, true);
  }
  // In blocks on both sides; once of the tile that is chosen for few rows, once
  // of that for many.
  if (byTensor)
    for (std::string format : {"e2m1, group<16>, scale f8E4M3FN",
                               "e2m1, group<32>, scale f8E8M0FNU"}) {
      for (int64_t tileRows : {16, 32, 48, 64, 128})
        cases.push_back({.rows = size(1, tileRows + 20),
                         .features = size(1, 300),
                         .inputs = size(1, 900),
                         .weight = format,
                         .input = format,
                         .epilogue = pick("", "bias, relu", "silu, mul"),
                         .tileRows = tileRows,
                         .warpgroups = pick(1, 2)});
      for (int64_t rows : {size(1, 64), size(65, 150)})
        cases.push_back({.rows = rows,
                         .features = size(1, 200),
                         .inputs = size(1, 1500),
                         .weight = format,
                         .input = format});
      // Blocks that share a tile; the last one has a chunk or two.
      cases.push_back({.rows = size(1, 80),
                       .features = size(1, 300),
                       .inputs = size(513, 768),
                       .weight = format,
                       .input = format,
                       .epilogue = pick("", "bias, relu", "silu, mul"),
                       .tileRows = pick(16, 48, 64),
                       .splits = pick(2, 3),
                       .warpgroups = 1});
    }
  // The largest tile.
  cases.push_back({.rows = size(200, 300),
                   .features = size(65, 128),
                   .inputs = size(100, 300),
                   .weight = "int8, per_channel, scale f32",
                   .epilogue = "clamp",
                   .tileRows = 256,
                   .warpgroups = byTensor ? 1 : 2});
  return cases;
}

int main(int argc, char **argv) {
  const cuda::Chip *chip = argc == 2 ? cuda::findChip(argv[1]) : nullptr;
  if (!chip)
    return 2;
  std::mt19937_64 random = makeRandom();
  auto context = makeContext();
  Report report;
  for (LinearCase &test : getCases(random, chip->hasTcgen05)) {
    test.chip = argv[1];
    report.add(test.getName(),
               [&] { return runLinear(*context, test, random); });
  }
  return report.getExitStatus();
}
