//===- Hadamard.cpp - Hadamard matrices and their signs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/Hadamard.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
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

namespace {
/// H of one order, in the arithmetic of `Number`.
template <typename Number> class Multiplier {
public:
  /// With `transposed` H^T.
  Multiplier(HadamardOrder order, bool transposed) : order(order) {
    SmallVector<int8_t> entries = getDenseHadamard(order.dense);
    int64_t n = order.dense;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        dense.push_back(entries[transposed ? j * n + i : i * n + j]);
    lines.resize(order.get());
  }

  /// x H in place.
  void multiply(MutableArrayRef<Number> x) {
    for (int64_t step = 1; step < order.sylvester; step *= 2)
      for (int64_t base = 0; base < int64_t(x.size()); base += 2 * step)
        for (int64_t i = base; i < base + step; ++i) {
          Number a = x[i], b = x[i + step];
          x[i] = a + b;
          x[i + step] = a - b;
        }
    if (order.dense == 1)
      return;
    // The longer of both inner loops; the order of sums is one.
    int64_t n = order.dense, stride = order.sylvester;
    std::fill(lines.begin(), lines.end(), Number(0));
    for (int64_t i = 0; i < n; ++i) {
      const Number *from = x.data() + i * stride, *row = dense.data() + i * n;
      if (stride >= 8)
        for (int64_t j = 0; j < n; ++j)
          addProducts(lines.data() + j * stride, from, row[j], stride);
      else
        for (int64_t k = 0; k < stride; ++k)
          addProducts(lines.data() + k * n, row, from[k], n);
    }
    for (int64_t j = 0; j < n; ++j)
      for (int64_t k = 0; k < stride; ++k)
        x[j * stride + k] = lines[stride >= 8 ? j * stride + k : k * n + j];
  }

private:
  static void addProducts(Number *to, const Number *from, Number factor,
                          int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      to[i] += from[i] * factor;
  }

  HadamardOrder order;
  /// The dense factor.
  std::vector<Number> dense, lines;
};
} // namespace

template <typename Number>
static void rotate(MutableArrayRef<Number> values, int64_t width, int64_t block,
                   uint64_t seed, int64_t first, bool transposed) {
  Multiplier<Number> matrix(*getHadamardOrder(block), transposed);
  SmallVector<int8_t> signs = getHadamardSigns(seed, first, width);
  Number factor = Number(1) / std::sqrt(Number(block));
  for (int64_t at = 0; at < int64_t(values.size()); at += block) {
    MutableArrayRef<Number> part = values.slice(at, block);
    const int8_t *sign = signs.data() + at % width;
    if (!transposed)
      for (int64_t i = 0; i < block; ++i)
        part[i] *= sign[i];
    matrix.multiply(part);
    for (int64_t i = 0; i < block; ++i)
      part[i] *= transposed ? factor * sign[i] : factor;
  }
}

void qnt::rotateHadamard(MutableArrayRef<double> values, int64_t width,
                         int64_t block, uint64_t seed, int64_t first,
                         bool transposed) {
  rotate(values, width, block, seed, first, transposed);
}

void qnt::rotateHadamard(MutableArrayRef<float> values, int64_t width,
                         int64_t block, uint64_t seed, int64_t first,
                         bool transposed) {
  rotate(values, width, block, seed, first, transposed);
}
