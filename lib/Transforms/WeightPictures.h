//===- WeightPictures.h - what reports show of weights ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_WEIGHTPICTURES_H
#define QNT_LIB_TRANSFORMS_WEIGHTPICTURES_H

#include "FormatTrials.h"

#include "qnt/Analysis/RangeStatistics.h"

namespace qnt {

struct WeightPicture {
  Histogram numbers;
  /// Of the layer's input: its largest channel over the median one, by largest
  /// magnitudes; none without qnt.statistics.
  std::optional<double> outlierRatio;
  /// None without a statistics file.
  std::optional<Histogram> input;
};

/// Of each of `weights` in `module`; `statisticsFile` is what qnt-calibrate
/// wrote, or empty. Throws params::ParamsError and support::FileError.
std::vector<WeightPicture> drawWeights(mlir::ModuleOp module,
                                       llvm::ArrayRef<OpenWeight> weights,
                                       const std::string &statisticsFile);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_WEIGHTPICTURES_H
