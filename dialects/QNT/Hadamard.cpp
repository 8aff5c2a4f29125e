//===- Hadamard.cpp - Hadamard matrices and their signs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/Hadamard.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <vector>

using namespace llvm;
using namespace qnt;

/// Dense factors are multiplied out: larger ones would be slow.
static constexpr int64_t maxDense = 1024;

static bool isPrime(int64_t n) {
  if (n < 2)
    return false;
  for (int64_t d = 2; d * d <= n; ++d)
    if (n % d == 0)
      return false;
  return true;
}

static bool isPaleyFirst(int64_t order) {
  return order % 4 == 0 && isPrime(order - 1);
}

static bool isPaleySecond(int64_t order) {
  return order % 4 == 0 && (order / 2 - 1) % 4 == 1 && isPrime(order / 2 - 1);
}

std::optional<HadamardOrder> qnt::getHadamardOrder(int64_t n) {
  if (n < 1)
    return std::nullopt;
  int64_t odd = n >> llvm::countr_zero(uint64_t(n));
  if (odd == 1)
    return HadamardOrder{1, n};
  for (int64_t dense = 4 * odd; dense <= std::min(n, maxDense); dense *= 2)
    if (isPaleyFirst(dense) || isPaleySecond(dense))
      return HadamardOrder{dense, n / dense};
  return std::nullopt;
}

int64_t qnt::getLargestHadamardBlock(int64_t size) {
  for (int64_t parts = 1; parts < size; ++parts)
    if (size % parts == 0 && getHadamardOrder(size / parts))
      return size / parts;
  return 1;
}

SmallVector<int8_t> qnt::getDenseHadamard(int64_t dense) {
  if (dense == 1)
    return {1};
  bool isFirst = isPaleyFirst(dense);
  int64_t q = isFirst ? dense - 1 : dense / 2 - 1, n = q + 1;
  // The Legendre symbol of all residues.
  SmallVector<int8_t> symbol(q, -1);
  symbol[0] = 0;
  for (int64_t i = 1; i < q; ++i)
    symbol[i * i % q] = 1;
  // Jacobsthal's matrix with a border: its products are orthogonal.
  auto core = [&](int64_t row, int64_t column) -> int8_t {
    if (row == 0 || column == 0)
      return row == column ? 0 : (isFirst && column == 0 ? -1 : 1);
    return symbol[(row - column + q) % q];
  };
  SmallVector<int8_t> result(dense * dense);
  if (isFirst) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        result[i * n + j] = core(i, j) + (i == j);
    return result;
  }
  // Entries 0 become [1 -1; -1 -1], others +-[1 1; 1 -1].
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int8_t c = core(i, j);
      int8_t entries[4] = {c, c, c, int8_t(-c)};
      if (c == 0)
        entries[0] = 1, entries[1] = entries[2] = entries[3] = -1;
      for (int64_t k = 0; k < 4; ++k)
        result[(2 * i + k / 2) * dense + 2 * j + k % 2] = entries[k];
    }
  return result;
}

SmallVector<int8_t> qnt::getHadamardSigns(uint64_t seed, int64_t first,
                                          int64_t count) {
  SmallVector<int8_t> result(count, 1);
  if (seed == 0)
    return result;
  for (int64_t i = 0; i < count; ++i) {
    uint64_t z = seed + uint64_t(first + i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    result[i] = z & 1 ? -1 : 1;
  }
  return result;
}

/// x H in place, H the Kronecker product of the dense and Sylvester's matrix;
/// with `transposed` x H^T.
template <typename Number>
static void multiply(MutableArrayRef<Number> x, HadamardOrder order,
                     ArrayRef<int8_t> dense, bool transposed) {
  for (int64_t step = 1; step < order.sylvester; step *= 2)
    for (int64_t base = 0; base < int64_t(x.size()); base += 2 * step)
      for (int64_t i = base; i < base + step; ++i) {
        Number a = x[i], b = x[i + step];
        x[i] = a + b;
        x[i + step] = a - b;
      }
  if (order.dense == 1)
    return;
  int64_t n = order.dense, stride = order.sylvester;
  std::vector<Number> line(n);
  for (int64_t offset = 0; offset < stride; ++offset) {
    for (int64_t j = 0; j < n; ++j) {
      Number sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        Number value = x[i * stride + offset];
        sum += dense[transposed ? j * n + i : i * n + j] > 0 ? value : -value;
      }
      line[j] = sum;
    }
    for (int64_t j = 0; j < n; ++j)
      x[j * stride + offset] = line[j];
  }
}

template <typename Number>
static void rotate(MutableArrayRef<Number> values, int64_t block, uint64_t seed,
                   int64_t first, bool transposed) {
  HadamardOrder order = *getHadamardOrder(block);
  SmallVector<int8_t> dense = getDenseHadamard(order.dense);
  Number factor = Number(1) / std::sqrt(Number(block));
  for (int64_t at = 0; at < int64_t(values.size()); at += block) {
    MutableArrayRef<Number> part = values.slice(at, block);
    SmallVector<int8_t> signs = getHadamardSigns(seed, first + at, block);
    if (!transposed)
      for (int64_t i = 0; i < block; ++i)
        part[i] *= signs[i];
    multiply(part, order, dense, transposed);
    for (int64_t i = 0; i < block; ++i)
      part[i] *= transposed ? factor * signs[i] : factor;
  }
}

void qnt::rotateHadamard(MutableArrayRef<double> values, int64_t block,
                         uint64_t seed, int64_t first, bool transposed) {
  rotate(values, block, seed, first, transposed);
}

void qnt::rotateHadamard(MutableArrayRef<float> values, int64_t block,
                         uint64_t seed, int64_t first, bool transposed) {
  rotate(values, block, seed, first, transposed);
}
