//===- CotangentDraws.cpp - random slopes of losses -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CotangentDraws.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace llvm;
using namespace qnt;

CotangentDraws::CotangentDraws(uint64_t seed, uint64_t sample, uint64_t draw) {
  std::seed_seq words{uint32_t(seed), uint32_t(seed >> 32), uint32_t(sample),
                      uint32_t(draw)};
  random.seed(words);
}

double CotangentDraws::drawSign() {
  if (left == 0) {
    bits = random();
    left = 64;
  }
  --left;
  double sign = bits & 1 ? 1 : -1;
  bits >>= 1;
  return sign;
}

int64_t CotangentDraws::drawLabel(ArrayRef<double> shares) {
  double rest = std::ldexp(double(random() >> 11), -53);
  for (auto [label, share] : llvm::enumerate(shares)) {
    if (rest < share)
      return int64_t(label);
    rest -= share;
  }
  // What rounding left.
  return llvm::max_element(shares) - shares.begin();
}

static std::vector<double> getSoftmax(ArrayRef<float> logits) {
  double largest = *llvm::max_element(logits), sum = 0;
  std::vector<double> shares;
  for (float logit : logits)
    sum += shares.emplace_back(std::exp(double(logit) - largest));
  for (double &share : shares)
    share /= sum;
  return shares;
}

void CotangentDraws::fill(ArrayRef<float> results, int64_t features,
                          ResultKind kind, GradientDraw draw,
                          ArrayRef<int64_t> labels,
                          MutableArrayRef<float> cotangents) {
  for (int64_t row = 0; row * features < int64_t(results.size()); ++row) {
    ArrayRef<float> own = results.slice(row * features, features);
    MutableArrayRef<float> c = cotangents.slice(row * features, features);
    if (kind == ResultKind::Numbers) {
      double square = 0;
      for (float number : own)
        square += double(number) * number;
      // The error of nothing is as large as it is.
      double size = std::sqrt(2 / (square > 0 ? square : 1));
      for (float &number : c)
        number = float(size * drawSign());
      continue;
    }
    std::vector<double> shares = getSoftmax(own);
    if (draw == GradientDraw::Labels) {
      int64_t label = labels.empty() ? drawLabel(shares) : labels[row];
      for (auto [number, share] : llvm::zip_equal(c, shares))
        number = float(share);
      c[label] = float(shares[label] - 1);
      continue;
    }
    // B s, where B B^T = diag(p) - p p^T.
    double sum = 0;
    std::vector<double> roots;
    for (double share : shares)
      sum += roots.emplace_back(std::sqrt(share) * drawSign());
    for (auto [number, share, root] : llvm::zip_equal(c, shares, roots))
      number = float(root - share * sum);
  }
}
