//===- DuQuant.cpp - rotations made for outliers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DuQuant.h"

#include "Blas.h"

#include "qnt/Dialect/QNT/Hadamard.h"

#include <algorithm>
#include <numeric>

using namespace qnt;

/// More steps find little.
static constexpr int maxSteps = 64;

namespace {
/// SplitMix64.
class Random {
public:
  explicit Random(uint64_t state) : state(state) {}
  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  int64_t below(int64_t limit) { return int64_t(next() % uint64_t(limit)); }

private:
  uint64_t state;
};

/// One step T of a block's rotation.
class Step {
public:
  Step(int64_t size, int64_t outlier, Random &random)
      : size(size), outlier(outlier), order(size), signs(size, 1) {
    std::iota(order.begin(), order.end(), 0);
    for (int64_t i = size - 1; i > 1; --i)
      std::swap(order[i], order[1 + random.below(i)]);
    for (int64_t i = 1; i < size; ++i)
      signs[i] = random.next() & 1 ? -1 : 1;
  }

  /// Rows of `size` numbers times T.
  void apply(std::vector<double> &rows) const {
    exchange(rows);
    rotateHadamard(rows, size, size, /*seed=*/0, /*first=*/0,
                   /*transposed=*/false);
    std::vector<double> line(size);
    for (size_t at = 0; at < rows.size(); at += size) {
      for (int64_t i = 0; i < size; ++i)
        line[i] = signs[i] * rows[at + order[i]];
      std::copy(line.begin(), line.end(), rows.begin() + at);
    }
    exchange(rows);
  }

private:
  void exchange(std::vector<double> &rows) const {
    for (size_t at = 0; at < rows.size(); at += size)
      std::swap(rows[at], rows[at + outlier]);
  }

  int64_t size, outlier;
  std::vector<int64_t> order;
  std::vector<double> signs;
};
} // namespace

static void transpose(std::vector<double> &matrix, int64_t size) {
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < i; ++j)
      std::swap(matrix[i * size + j], matrix[j * size + i]);
}

/// The rotation of one block with this moment; `largest` becomes the largest
/// mean square that it leaves, if it is larger.
static std::vector<double> rotateBlock(std::vector<double> moment, int64_t size,
                                       Random random, double &largest) {
  auto findLargest = [&] {
    int64_t found = 0;
    for (int64_t i = 1; i < size; ++i)
      if (moment[i * size + i] > moment[found * size + found])
        found = i;
    return found;
  };
  double sum = 0;
  for (int64_t i = 0; i < size; ++i)
    sum += moment[i * size + i];
  std::vector<double> rotation(size * size);
  for (int64_t i = 0; i < size; ++i)
    rotation[i * size + i] = 1;
  std::vector<double> best = rotation;
  int64_t outlier = findLargest();
  double least = moment[outlier * size + outlier];
  // All alike is the best there is.
  for (int i = 0; i < maxSteps && least * double(size) > 1.0001 * sum; ++i) {
    Step step(size, outlier, random);
    step.apply(rotation);
    step.apply(moment);
    transpose(moment, size);
    step.apply(moment);
    outlier = findLargest();
    if (moment[outlier * size + outlier] >= least)
      continue;
    least = moment[outlier * size + outlier];
    best = rotation;
  }
  largest = std::max(largest, least);
  return best;
}

/// Rotations of all blocks of features `order` in turn, [K / block, block,
/// block].
static std::vector<float> rotateBlocks(const std::vector<float> &moment,
                                       const std::vector<int32_t> &order,
                                       int64_t block, uint64_t seed,
                                       double &largest) {
  int64_t features = int64_t(order.size());
  std::vector<float> result;
  result.reserve(features * block);
  std::vector<double> part(block * block);
  for (int64_t first = 0; first < features; first += block) {
    for (int64_t i = 0; i < block; ++i)
      for (int64_t j = 0; j < block; ++j)
        part[i * block + j] =
            moment[order[first + i] * features + order[first + j]];
    std::vector<double> rotation =
        rotateBlock(part, block, Random(seed + uint64_t(first)), largest);
    result.insert(result.end(), rotation.begin(), rotation.end());
  }
  return result;
}

/// R^T M R in place of M, each number rounded once.
static void changeBasis(std::vector<float> &moment,
                        const std::vector<float> &rotation, int64_t features,
                        int64_t block) {
  std::vector<double> matrices(rotation.begin(), rotation.end());
  std::vector<double> product(block * features), result(block * features);
  std::vector<float> old(std::move(moment));
  moment.resize(old.size());
  for (int64_t at = 0; at < features; at += block) {
    auto rows = old.begin() + at * features;
    std::vector<double> part(rows, rows + block * features);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, block, features, block,
                1.0, matrices.data() + at * block, block, part.data(), features,
                0.0, product.data(), features);
    for (int64_t to = 0; to < features; to += block)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, block, block,
                  block, 1.0, product.data() + to, features,
                  matrices.data() + to * block, block, 0.0, result.data() + to,
                  features);
    std::copy(result.begin(), result.end(), moment.begin() + at * features);
  }
}

/// Features in order of their mean squares, dealt to blocks back and forth.
static std::vector<int32_t> deal(const std::vector<float> &moment,
                                 int64_t features, int64_t block) {
  std::vector<std::pair<float, int32_t>> order;
  for (int64_t i = 0; i < features; ++i)
    order.emplace_back(-moment[i * features + i], int32_t(i));
  std::sort(order.begin(), order.end());
  int64_t blocks = features / block;
  std::vector<int32_t> permutation(features);
  for (int64_t turn = 0; turn < block; ++turn)
    for (int64_t i = 0; i < blocks; ++i) {
      int64_t taker = turn % 2 ? blocks - 1 - i : i;
      permutation[taker * block + turn] = order[turn * blocks + i].second;
    }
  return permutation;
}

OutlierRotation qnt::makeOutlierRotation(std::vector<float> moment,
                                         int64_t features, int64_t block,
                                         uint64_t seed, bool isDual) {
  useOneBlasThread();
  OutlierRotation result;
  result.block = block;
  double before = 0, sum = 0, between = 0, after = 0;
  for (int64_t i = 0; i < features; ++i) {
    before = std::max(before, double(moment[i * features + i]));
    sum += moment[i * features + i];
  }
  std::vector<int32_t> order(features);
  std::iota(order.begin(), order.end(), 0);
  result.first = rotateBlocks(moment, order, block, seed, between);
  if (isDual) {
    changeBasis(moment, result.first, features, block);
    result.permutation = deal(moment, features, block);
    result.second =
        rotateBlocks(moment, result.permutation, block, ~seed, after);
  } else {
    after = between;
  }
  if (sum > 0) {
    result.before = before * double(features) / sum;
    result.after = after * double(features) / sum;
  }
  return result;
}
