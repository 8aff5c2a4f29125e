//===- CotangentDraws.h - random slopes of losses -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_SENSITIVITY_COTANGENTDRAWS_H
#define QNT_LIB_TRANSFORMS_SENSITIVITY_COTANGENTDRAWS_H

#include "../ModelResults.h"

#include "llvm/ADT/ArrayRef.h"

#include <random>

namespace qnt {

/// How vectors c are drawn, for a row y of a model's results, whose mean is 0
/// and whose mean c c^T is the second derivative, by the results, of the
/// divergence from y (docs/allocation.md).
enum class GradientDraw {
  /// For logits, the slope of the cross entropy of a label.
  Labels,
  /// Of independent signs.
  Signs
};

/// Draws of one seed, sample and number of the draw.
class CotangentDraws {
public:
  CotangentDraws(uint64_t seed, uint64_t sample, uint64_t draw);

  /// Writes one for each row of `features` results to `cotangents`, of the size
  /// of `results`. `labels`, where there are any, are what GradientDraw::Labels
  /// takes in the place of drawn ones: one for each row, below `features`.
  void fill(llvm::ArrayRef<float> results, int64_t features, ResultKind kind,
            GradientDraw draw, llvm::ArrayRef<int64_t> labels,
            llvm::MutableArrayRef<float> cotangents);

private:
  /// 1 or -1.
  double drawSign();
  int64_t drawLabel(llvm::ArrayRef<double> shares);

  std::mt19937_64 random;
  uint64_t bits = 0;
  int left = 0;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_SENSITIVITY_COTANGENTDRAWS_H
