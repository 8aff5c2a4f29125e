//===- ProductTest.cpp - how fast this machine multiplies -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductTest.h"

#include <algorithm>
#include <chrono>

using namespace qnt::run;

#if defined(__x86_64__)
#include <immintrin.h>

/// As many independent sums as hide the latency of two multipliers.
static constexpr int chains = 12;

/// Of the sums after `rounds` rounds of a product for each. The factors are not
/// known when compiling.
#define QNT_PRODUCT_LOOP(VECTOR, ZERO, PRODUCT, ELEMENT)                       \
  VECTOR sums[chains];                                                         \
  for (VECTOR &sum : sums)                                                     \
    sum = ZERO;                                                                \
  VECTOR a = ZERO, b = ZERO;                                                   \
  for (int64_t round = 0; round < rounds; ++round) {                           \
    asm volatile("" : "+v"(a), "+v"(b));                                       \
    for (VECTOR &sum : sums)                                                   \
      sum = PRODUCT;                                                           \
  }                                                                            \
  uint64_t total = 0;                                                          \
  for (VECTOR sum : sums)                                                      \
    total += uint64_t(((ELEMENT)sum)[0]);                                      \
  return total

__attribute__((target("avx512f,avx512vnni"))) static uint64_t
int8AVX512VNNI(int64_t rounds) {
  QNT_PRODUCT_LOOP(__m512i, _mm512_setzero_si512(),
                   _mm512_dpbusd_epi32(sum, a, b), __v16si);
}

__attribute__((target("avx512f"))) static uint64_t floatAVX512(int64_t rounds) {
  QNT_PRODUCT_LOOP(__m512, _mm512_setzero_ps(), _mm512_fmadd_ps(a, b, sum),
                   __v16sf);
}

__attribute__((target("amx-tile,amx-int8"))) static uint64_t
int8AMX(int64_t rounds) {
  // All tiles whole: palette 1, 64 bytes a row, 16 rows.
  alignas(64) uint8_t config[64] = {1};
  for (int tile = 0; tile < 8; ++tile) {
    config[16 + 2 * tile] = 64;
    config[48 + tile] = 16;
  }
  // All eight are zero.
  _tile_loadconfig(config);
  for (int64_t round = 0; round < rounds; round += 4) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  alignas(64) uint64_t sums[128];
  _tile_stored(0, sums, 64);
  _tile_release();
  return sums[0];
}

__attribute__((target("avxvnni"))) static uint64_t int8AVXVNNI(int64_t rounds) {
  QNT_PRODUCT_LOOP(__m256i, _mm256_setzero_si256(),
                   _mm256_dpbusd_avx_epi32(sum, a, b), __v8si);
}

__attribute__((target("avx2"))) static uint64_t int8AVX2(int64_t rounds) {
  const __m256i ones = _mm256_set1_epi16(1);
  QNT_PRODUCT_LOOP(__m256i, _mm256_setzero_si256(),
                   _mm256_add_epi32(sum, _mm256_madd_epi16(
                                             _mm256_maddubs_epi16(a, b), ones)),
                   __v8si);
}

__attribute__((target("avx2,fma"))) static uint64_t floatAVX2(int64_t rounds) {
  QNT_PRODUCT_LOOP(__m256, _mm256_setzero_ps(), _mm256_fmadd_ps(a, b, sum),
                   __v8sf);
}
#undef QNT_PRODUCT_LOOP
#endif

ProductTest::ProductTest(std::string_view isa, int64_t threads)
    : threads(threads) {
#if defined(__x86_64__)
  if (isa == "amx" || isa == "avx512vnni") {
    int8 = isa == "amx" ? int8AMX : int8AVX512VNNI;
    int8Operations = isa == "amx" ? 2 * 16 * 16 * 64 : chains * 2 * 64;
    floats = floatAVX512;
    floatOperations = chains * 2 * 16;
  } else if (isa == "avx2" || isa == "avxvnni") {
    int8 = isa == "avx2" ? int8AVX2 : int8AVXVNNI;
    int8Operations = chains * 2 * 32;
    floats = floatAVX2;
    floatOperations = chains * 2 * 8;
  }
#endif
}

double ProductTest::run(Loop loop, int64_t operations) {
  if (!loop)
    return 0;
  // Long beside what it takes to wake threads.
  constexpr double leastSeconds = 0.01;
  for (;; rounds *= 2) {
    uint64_t total = 0;
    auto start = std::chrono::steady_clock::now();
#pragma omp parallel for num_threads(static_cast<int>(threads))                \
    reduction(+ : total)
    for (int64_t t = 0; t < threads; ++t)
      total += loop(rounds);
    std::chrono::duration<double> elapsed =
        std::chrono::steady_clock::now() - start;
    sum += total;
    if (elapsed.count() >= leastSeconds)
      return double(rounds) * double(operations * threads) / elapsed.count();
  }
}

double ProductTest::runInt8() { return run(int8, int8Operations); }

double ProductTest::runFloat() { return run(floats, floatOperations); }
