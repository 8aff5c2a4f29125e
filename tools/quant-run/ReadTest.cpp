//===- ReadTest.cpp - how fast this machine reads memory ------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReadTest.h"
#include "Output.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace qnt::run;

#if defined(__x86_64__)
#define QNT_WIDEST_VECTORS                                                     \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define QNT_WIDEST_VECTORS __attribute__((noinline))
#endif

using Line = uint64_t __attribute__((vector_size(64)));

/// Adds up `lines` cache lines, a multiple of 8, `passes` times. Four streams
/// at once with two accumulators each keep enough loads in flight; explicit
/// prefetches were measured to be slower.
QNT_WIDEST_VECTORS static uint64_t readLines(const Line *from, int64_t lines,
                                             int64_t passes) {
  constexpr int streams = 4;
  const int64_t part = lines / streams;
  Line sums[2 * streams] = {};
  for (int64_t pass = 0; pass < passes; ++pass) {
    // A pass is not known to find what the one before it found.
    asm volatile("" ::: "memory");
    for (int64_t i = 0; i < part; i += 2)
      for (int s = 0; s < streams; ++s) {
        sums[2 * s] += from[s * part + i];
        sums[2 * s + 1] += from[s * part + i + 1];
      }
  }
  for (int s = 1; s < 2 * streams; ++s)
    sums[0] += sums[s];
  uint64_t total = 0;
  for (int lane = 0; lane < 8; ++lane)
    total += sums[0][lane];
  return total;
}

void ReadTest::Unmap::operator()(std::byte *memory) const {
  munmap(memory, size);
}

static constexpr int64_t mega = 1 << 20;

static int64_t getCacheBytes(int level, int64_t otherwise) {
  int64_t bytes = sysconf(level);
  return bytes > 0 ? bytes : otherwise;
}

int64_t ReadTest::getLastCacheBytes() {
  return getCacheBytes(_SC_LEVEL3_CACHE_SIZE, 8 * mega);
}

ReadTest ReadTest::ofMemory(int64_t threads) {
  return {threads, std::clamp(2 * getLastCacheBytes(), 256 * mega, 1024 * mega),
          1};
}

ReadTest ReadTest::ofCache(int64_t threads) {
  int64_t share = getCacheBytes(_SC_LEVEL2_CACHE_SIZE, mega / 2) / 2;
  return {threads, threads * share, 1024 * mega / share};
}

ReadTest::ReadTest(int64_t threads, int64_t bytes, int64_t passes)
    : threads(threads), bytes(bytes), passes(passes) {
  void *base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    throw RunError("out of memory: no room for the read test's " +
                   std::to_string(bytes) + " bytes");
  madvise(base, bytes, MADV_HUGEPAGE);
  memory = {static_cast<std::byte *>(base), Unmap{size_t(bytes)}};
  std::memset(base, 1, bytes);
}

double ReadTest::run() {
  auto *lines = reinterpret_cast<const Line *>(memory.get());
  int64_t share = bytes / 64 / threads / 8 * 8;
  uint64_t total = 0;
  auto start = std::chrono::steady_clock::now();
#pragma omp parallel for num_threads(static_cast<int>(threads))                \
    reduction(+ : total)
  for (int64_t t = 0; t < threads; ++t)
    total += readLines(lines + t * share, share, passes);
  std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  sum += total;
  return double(share * 64 * threads) * double(passes) / elapsed.count();
}
