//===- ChannelStatistics.h - what each feature is like -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_CHANNELSTATISTICS_H
#define QNT_ANALYSIS_CHANNELSTATISTICS_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace qnt {

/// Which second moments are taken of rows of features, [positions, groups,
/// channels]: one of each group's positions * channels features, as the groups
/// of a convolution see patches; of linear layers, one of all.
struct MomentLayout {
  /// 0: none.
  int64_t groups = 0;
  int64_t positions = 1;
  /// Of the second moments of rows of so many features: [K, K], or of more
  /// groups than one [groups, K, K], K being the features of a group.
  std::vector<int64_t> getShape(int64_t features) const;
};

/// Statistics of the features (the last dimension) of the values at one site,
/// over all rows, and where wanted their second moments X^T X. Sums are in
/// double, row after row.
class ChannelStatistics {
public:
  ChannelStatistics(int64_t features, MomentLayout layout);

  /// `values` holds whole rows of finite numbers.
  void add(llvm::ArrayRef<float> values);

  int64_t getRows() const { return rows; }
  int64_t getFeatures() const { return int64_t(absMax.size()); }
  const MomentLayout &getMomentLayout() const { return layout; }

  /// [features]: the largest |x|.
  llvm::ArrayRef<float> getAbsMax() const { return absMax; }
  /// [features]: the smallest and the largest x.
  llvm::ArrayRef<float> getMin() const { return min; }
  llvm::ArrayRef<float> getMax() const { return max; }
  /// [features]
  std::vector<float> getMean() const;
  /// [features]: of |x|.
  std::vector<float> getAbsMean() const;
  /// [features]: the fourth moment about the mean over the squared variance; 3
  /// for normal distributions, 0 for features that never change.
  std::vector<float> getKurtosis() const;
  /// Of all values together, likewise.
  double getTotalKurtosis() const;
  /// Rows [first, first + count) of the X^T X / rows of one group, [K] each.
  std::vector<float> getSecondMoment(int64_t group, int64_t first,
                                     int64_t count) const;

private:
  int64_t rows = 0;
  std::vector<float> absMax, min, max;
  /// Sums over rows of |x| and of the powers of x.
  std::vector<double> sumAbs, sum1, sum2, sum3, sum4;
  MomentLayout layout;
  /// The upper triangles of X^T X.
  std::vector<double> products;
};

/// By site.
using ChannelStatisticsMap = std::map<std::string, ChannelStatistics>;

} // namespace qnt

#endif // QNT_ANALYSIS_CHANNELSTATISTICS_H
