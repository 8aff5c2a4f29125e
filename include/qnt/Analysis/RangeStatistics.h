//===- RangeStatistics.h - how large a tensor's values are -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_RANGESTATISTICS_H
#define QNT_ANALYSIS_RANGESTATISTICS_H

#include "qnt/Dialect/QNT/QNT.h"

#include <map>
#include <string>
#include <vector>

namespace qnt {

/// What activations are clipped to.
struct ClipRange {
  float low = 0, high = 0;
};

/// Counts of values in bins of one width over [low, high].
struct Histogram {
  ClipRange range;
  std::vector<int64_t> counts;
};

/// Extremes and a histogram of the values of one site. The histogram covers
/// [-limit, limit) in `numBins` bins of one width; `limit` is a power of two
/// that doubles, joining bins in pairs, when a larger value comes. So the
/// counts do not depend on the order or portions in which values are added.
class RangeStatistics {
public:
  static constexpr int64_t numBins = 4096;

  /// Returns false, and adds nothing, when a value is NaN or infinite.
  bool add(llvm::ArrayRef<float> values);

  int64_t getCount() const { return count; }
  float getMin() const { return min; }
  float getMax() const { return max; }

  /// [min, max].
  ClipRange getMinMax() const;
  /// [min, max] cut at the smallest bin edge T for which at least `percent` of
  /// the values have |x| <= T.
  ClipRange getPercentile(double percent) const;
  /// [min, max] cut at the T out of 1.00, 0.99, ..., 0.10 times max|x| for
  /// which per-tensor quantisation to `type` has the least squared error over
  /// the histogram (Sung et al. 2015 choose clips so); the larger T of equals.
  ClipRange getLeastError(QTensorType type) const;

  /// [min, max] cut at the bin edge T for which the distribution of |x|, what
  /// lies beyond T counted at T, is nearest to what `levels` equal steps up to
  /// T leave of it, by Kullback-Leibler divergence (Migacz, 8-bit inference
  /// with TensorRT, 2017); the smaller T of equals. T is at least `levels`
  /// bins.
  ClipRange getLeastDivergence(int64_t levels) const;

  /// Of `count` bins or fewer, those of the statistics joined: from the first
  /// to the last that has values.
  Histogram getHistogram(int64_t count) const;

private:
  friend class StatisticsFile;
  void widen(int exponent);
  ClipRange cut(double at) const;
  double getBinWidth() const;

  int64_t count = 0;
  float min = 0, max = 0;
  /// limit = 2^exponent.
  int exponent = 0;
  std::vector<int64_t> bins;
};

/// Statistics by site.
using StatisticsMap = std::map<std::string, RangeStatistics>;

/// A versioned JSON file, documented in docs/calibration.md.
class StatisticsFile {
public:
  /// Throw support::FileError.
  static void write(const std::string &path, const StatisticsMap &statistics);
  static StatisticsMap read(const std::string &path);
};

} // namespace qnt

#endif // QNT_ANALYSIS_RANGESTATISTICS_H
