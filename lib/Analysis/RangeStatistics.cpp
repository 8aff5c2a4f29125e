//===- RangeStatistics.cpp - how large a tensor's values are -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/RangeStatistics.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>

using namespace qnt;

static constexpr int64_t half = RangeStatistics::numBins / 2;

double RangeStatistics::getBinWidth() const {
  return std::ldexp(1.0 / half, exponent);
}

void RangeStatistics::widen(int wanted) {
  // Bins nest around zero: bin i of a limit lies in bin half / 2 + i / 2 of
  // twice the limit.
  for (; exponent < wanted; ++exponent) {
    std::vector<int64_t> wider(numBins);
    for (int64_t i = 0; i < numBins; ++i)
      wider[half / 2 + i / 2] += bins[i];
    bool isDone = wider[half - 1] + wider[half] == count;
    bins = std::move(wider);
    // Everything lies in the two bins at zero and will stay there.
    if (isDone) {
      exponent = wanted;
      return;
    }
  }
}

bool RangeStatistics::add(llvm::ArrayRef<float> values) {
  if (values.empty())
    return true;
  float low = values.front(), high = values.front();
  for (float value : values) {
    if (!std::isfinite(value))
      return false;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (bins.empty()) {
    bins.resize(numBins);
    exponent = -126;
    min = low;
    max = high;
  }
  min = std::min(min, low);
  max = std::max(max, high);
  // Above every magnitude: 2^e has ilogb e.
  float magnitude = std::max(std::fabs(low), std::fabs(high));
  if (magnitude > 0)
    widen(std::ilogb(magnitude) + 1);
  double perBin = 1 / getBinWidth();
  for (float value : values)
    ++bins[half + int64_t(std::floor(double(value) * perBin))];
  count += int64_t(values.size());
  return true;
}

ClipRange RangeStatistics::cut(double at) const {
  return {float(std::max(double(min), -at)), float(std::min(double(max), at))};
}

ClipRange RangeStatistics::getMinMax() const { return {min, max}; }

ClipRange RangeStatistics::getPercentile(double percent) const {
  double wanted = percent / 100 * double(count);
  int64_t inside = 0;
  for (int64_t i = 0; i < half; ++i) {
    inside += bins[half + i] + bins[half - 1 - i];
    if (double(inside) >= wanted)
      return cut(double(i + 1) * getBinWidth());
  }
  return getMinMax();
}

ClipRange RangeStatistics::getLeastError(QTensorType type) const {
  std::vector<float> centers, decoded;
  std::vector<int64_t> counts;
  for (int64_t i = 0; i < numBins; ++i) {
    if (!bins[i])
      continue;
    centers.push_back(float((double(i - half) + 0.5) * getBinWidth()));
    counts.push_back(bins[i]);
  }
  decoded.resize(centers.size());
  std::vector<uint32_t> codes(centers.size());
  BlockQuantizer quantizer(type);
  double largest = std::max(std::fabs(min), std::fabs(max));
  double least = INFINITY;
  ClipRange best = getMinMax();
  for (int percent = 100; percent >= 10; --percent) {
    ClipRange range = cut(largest * percent / 100);
    BlockParams params =
        quantizer.chooseScale(ClipMethod::AbsMax, {range.low, range.high});
    quantizer.encode(params, centers, codes);
    quantizer.decode(params, codes, decoded);
    double error = 0;
    for (size_t i = 0; i < centers.size(); ++i) {
      double difference = double(centers[i]) - decoded[i];
      error += double(counts[i]) * difference * difference;
    }
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

/// The divergence of what `levels` steps leave of bins [0, end) of `counts`
/// from these, to whose last bin `beyond` more belong; infinite where a step
/// has nothing of what the last bin then holds.
static double getDivergence(llvm::ArrayRef<double> counts, int64_t end,
                            int64_t levels, double beyond) {
  double total = beyond, kept = 0;
  for (double count : counts.take_front(end))
    total += count, kept += count;
  if (kept == 0)
    return INFINITY;
  double divergence = 0;
  for (int64_t level = 0; level < levels; ++level) {
    int64_t first = level * end / levels, last = (level + 1) * end / levels;
    double sum = 0;
    int64_t used = 0;
    for (double count : counts.slice(first, last - first)) {
      sum += count;
      used += count > 0;
    }
    // All that a step holds is spread over those of its bins that hold any.
    for (int64_t bin = first; bin < last; ++bin) {
      double p = counts[bin] + (bin + 1 == end ? beyond : 0);
      if (p == 0)
        continue;
      if (counts[bin] == 0)
        return INFINITY;
      double q = sum / double(used);
      divergence += p / total * std::log(p / total * kept / q);
    }
  }
  return divergence;
}

ClipRange RangeStatistics::getLeastDivergence(int64_t levels) const {
  std::vector<double> counts(half);
  for (int64_t i = 0; i < half; ++i)
    counts[i] = double(bins[half + i] + bins[half - 1 - i]);
  int64_t used = half;
  while (used > 0 && counts[used - 1] == 0)
    --used;
  double least = INFINITY;
  int64_t best = used;
  double inside = 0;
  for (int64_t i = 0; i < std::min(levels, used); ++i)
    inside += counts[i];
  for (int64_t end = levels; end <= used; ++end) {
    double divergence =
        getDivergence(counts, end, levels, double(count) - inside);
    if (divergence < least) {
      least = divergence;
      best = end;
    }
    if (end < used)
      inside += counts[end];
  }
  return cut(double(best) * getBinWidth());
}

Histogram RangeStatistics::getHistogram(int64_t wanted) const {
  auto isUsed = [](int64_t bin) { return bin != 0; };
  int64_t begin = llvm::find_if(bins, isUsed) - bins.begin();
  int64_t end =
      std::find_if(bins.rbegin(), bins.rend(), isUsed).base() - bins.begin();
  if (begin >= end)
    return {};
  int64_t step = llvm::divideCeil(end - begin, wanted);
  Histogram histogram;
  for (int64_t bin = begin; bin < end; bin += step)
    histogram.counts.push_back(std::accumulate(
        bins.begin() + bin, bins.begin() + std::min(bin + step, numBins),
        int64_t(0)));
  double width = getBinWidth();
  auto edge = [&](int64_t bin) {
    return float((double(bin) - double(numBins / 2)) * width);
  };
  histogram.range = {edge(begin),
                     edge(begin + step * int64_t(histogram.counts.size()))};
  return histogram;
}
