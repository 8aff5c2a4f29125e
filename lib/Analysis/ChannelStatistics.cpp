//===- ChannelStatistics.cpp - what each feature is like -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ChannelStatistics.h"

#include <cblas.h>
#include <cmath>

using namespace qnt;

ChannelStatistics::ChannelStatistics(int64_t features, MomentLayout layout)
    : absMax(features), min(features, INFINITY), max(features, -INFINITY),
      sumAbs(features), sum1(features), sum2(features), sum3(features),
      sum4(features), layout(layout) {
  if (layout.groups)
    products.resize(features * (features / layout.groups));
}

std::vector<int64_t> MomentLayout::getShape(int64_t features) const {
  int64_t size = features / groups;
  if (groups == 1)
    return {size, size};
  return {groups, size, size};
}

void ChannelStatistics::add(llvm::ArrayRef<float> values) {
  int64_t features = getFeatures(), count = int64_t(values.size()) / features;
  for (int64_t row = 0; row < count; ++row)
    for (int64_t i = 0; i < features; ++i) {
      float x = values[row * features + i];
      double square = double(x) * x;
      absMax[i] = std::max(absMax[i], std::fabs(x));
      min[i] = std::min(min[i], x);
      max[i] = std::max(max[i], x);
      sumAbs[i] += std::fabs(x);
      sum1[i] += x;
      sum2[i] += square;
      sum3[i] += square * x;
      sum4[i] += square * square;
    }
  rows += count;
  if (products.empty() || count == 0)
    return;
  // One thread: the order of sums is the same on every machine.
  static bool isSet = (openblas_set_num_threads(1), true);
  (void)isSet;
  int64_t size = features / layout.groups;
  int64_t channels = size / layout.positions;
  std::vector<double> own(count * size);
  for (int64_t group = 0; group < layout.groups; ++group) {
    double *to = own.data();
    for (int64_t part = 0; part < count * layout.positions; ++part) {
      const float *from =
          values.data() + (part * layout.groups + group) * channels;
      to = std::copy_n(from, channels, to);
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, size, count, 1.0,
                own.data(), size, 1.0, products.data() + group * size * size,
                size);
  }
}

static std::vector<float> scale(const std::vector<double> &sums, int64_t rows) {
  std::vector<float> result;
  for (double sum : sums)
    result.push_back(float(sum / double(rows)));
  return result;
}

std::vector<float> ChannelStatistics::getMean() const {
  return scale(sum1, rows);
}

std::vector<float> ChannelStatistics::getAbsMean() const {
  return scale(sumAbs, rows);
}

/// From sums of the first four powers of `count` numbers.
static double kurtosis(double count, double s1, double s2, double s3,
                       double s4) {
  double mean = s1 / count;
  double variance = s2 / count - mean * mean;
  // What rounding leaves of nothing.
  if (!(variance > 1e-12 * s2 / count))
    return 0;
  double fourth = s4 / count - 4 * mean * s3 / count +
                  6 * mean * mean * s2 / count - 3 * std::pow(mean, 4);
  return fourth / (variance * variance);
}

std::vector<float> ChannelStatistics::getKurtosis() const {
  std::vector<float> result;
  for (int64_t i = 0; i < getFeatures(); ++i)
    result.push_back(
        float(kurtosis(double(rows), sum1[i], sum2[i], sum3[i], sum4[i])));
  return result;
}

double ChannelStatistics::getTotalKurtosis() const {
  double s1 = 0, s2 = 0, s3 = 0, s4 = 0;
  for (int64_t i = 0; i < getFeatures(); ++i) {
    s1 += sum1[i];
    s2 += sum2[i];
    s3 += sum3[i];
    s4 += sum4[i];
  }
  return kurtosis(double(rows * getFeatures()), s1, s2, s3, s4);
}

std::vector<float> ChannelStatistics::getSecondMoment(int64_t group,
                                                      int64_t first,
                                                      int64_t count) const {
  int64_t size = getFeatures() / layout.groups;
  const double *sums = products.data() + group * size * size;
  std::vector<float> result(count * size);
  // Element (i, j) is that of the upper triangle; row after row of it.
  for (int64_t row = 0; row < first + count; ++row)
    for (int64_t column = std::max(row, first); column < size; ++column) {
      auto value = float(sums[row * size + column] / double(rows));
      if (row >= first)
        result[(row - first) * size + column] = value;
      if (column < first + count)
        result[(column - first) * size + row] = value;
      else if (row < first)
        break;
    }
  return result;
}
