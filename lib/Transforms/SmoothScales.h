//===- SmoothScales.h - by how much channels are rescaled -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_SMOOTHSCALES_H
#define QNT_LIB_TRANSFORMS_SMOOTHSCALES_H

#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include <vector>

namespace qnt {

/// What is known of a site's channels, all [channels].
struct SiteChannels {
  std::vector<float> absMax, absMean, mean, min, max;
  /// [channels, channels]; empty where nothing is searched.
  std::vector<float> moment;
  int64_t size() const { return int64_t(absMax.size()); }
};

/// Rows of a weight [rows, channels], a sample of `total` of them.
struct WeightRows {
  std::vector<float> values;
  int64_t rows = 0, total = 0;
};

struct SmoothingChoice {
  /// [producer's channels]; shift is empty where nothing is shifted.
  std::vector<float> scale, shift;
  /// What a search found: alpha, or the threshold.
  double parameter = 0;
};

/// Chooses scales of one site. `group[k]` is the producer's channel that
/// channel k is, below `producerChannels`: channels of one group share a scale.
class SmoothScales {
public:
  SmoothScales(SiteChannels channels, std::vector<WeightRows> weights,
               std::vector<int64_t> group, int64_t producerChannels)
      : channels(std::move(channels)), weights(std::move(weights)),
        group(std::move(group)), producerChannels(producerChannels) {}

  /// How weights and activations will be quantised, for searches: a type for
  /// each weight, and bits of activations, 0 where they stay floats.
  void setFormats(std::vector<QTensorType> types, unsigned activationBits) {
    this->types = std::move(types);
    this->activationBits = activationBits;
  }

  /// Xiao et al. 2023: max|X|^alpha / max|W|^(1 - alpha).
  SmoothingChoice smoothQuant(double alpha) const;
  /// The same with the alpha of 0.00, 0.05, ..., 1.00 of least error.
  SmoothingChoice searchSmoothQuant() const;
  /// Lin et al. 2024: mean|X|^alpha, over the root of its extremes' product,
  /// with the alpha of 0.00, 0.05, ..., 0.95 of least error.
  SmoothingChoice searchAWQ() const;
  /// Wei et al. 2023 (OS+): the middle of each channel's range is its shift,
  /// where `canShift`; what reaches beyond a threshold t is scaled down to it.
  /// t is that of 1.00, 0.95, ..., 0.05 of the largest of least error.
  /// The statistics move with the shift: call it once.
  SmoothingChoice searchShiftAndScale(bool canShift);

private:
  using Vector = std::vector<float>;
  /// The largest number of each group.
  Vector reduce(llvm::ArrayRef<float> perChannel) const;
  /// The expected squared error of the layers' outputs: of the weights through
  /// the second moment, E M E^T, and of the activations as noise that is
  /// uniform in a step.
  double getError(llvm::ArrayRef<float> scale) const;
  SmoothingChoice
  search(int count, llvm::function_ref<SmoothingChoice(int index)> make) const;

  SiteChannels channels;
  std::vector<WeightRows> weights;
  std::vector<int64_t> group;
  int64_t producerChannels;
  std::vector<QTensorType> types;
  unsigned activationBits = 0;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_SMOOTHSCALES_H
