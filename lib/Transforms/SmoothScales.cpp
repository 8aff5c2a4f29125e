//===- SmoothScales.cpp - by how much channels are rescaled -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SmoothScales.h"

#include <cblas.h>
#include <cmath>

using namespace qnt;
using llvm::ArrayRef;

std::vector<float> SmoothScales::reduce(ArrayRef<float> perChannel) const {
  Vector result(producerChannels);
  for (auto [g, value] : llvm::zip_equal(group, perChannel))
    result[g] = std::max(result[g], value);
  return result;
}

SmoothingChoice SmoothScales::smoothQuant(double alpha) const {
  Vector largest(channels.size());
  for (const WeightRows &weight : weights)
    for (auto [i, value] : llvm::enumerate(weight.values)) {
      float &most = largest[int64_t(i) % channels.size()];
      most = std::max(most, std::fabs(value));
    }
  Vector weight = reduce(largest), activation = reduce(channels.absMax);
  SmoothingChoice choice;
  choice.parameter = alpha;
  for (auto [x, w] : llvm::zip_equal(activation, weight)) {
    double s = std::pow(double(x), alpha) / std::pow(double(w), 1 - alpha);
    // Channels that are never used stay as they are.
    choice.scale.push_back(x > 0 && w > 0 ? float(std::max(s, 1e-5)) : 1.0f);
  }
  return choice;
}

double SmoothScales::getError(ArrayRef<float> scale) const {
  int64_t size = channels.size();
  Vector own(size), error;
  for (int64_t k = 0; k < size; ++k)
    own[k] = scale[group[k]];
  double total = 0;
  std::vector<double> columns(size);
  for (auto [weight, type] : llvm::zip_equal(weights, types)) {
    llvm::SmallVector<int64_t> shape = {weight.rows, size};
    QTensorType rowsType = type.withShape(shape);
    int64_t perRow = type.hasScale() ? type.getGroupsPerRow() : 0;
    Vector scaled(weight.values.size()), back(size);
    for (size_t i = 0; i < scaled.size(); ++i)
      scaled[i] = weight.values[i] * own[i % size];
    std::vector<uint32_t> codes(scaled.size());
    Vector scales(weight.rows * perRow),
        zeros(type.hasZeros() ? scales.size() : 0);
    ClipMethod clip = ClipMethod::AbsMax;
    quantizeRows(rowsType, clip, scaled, weight.rows, codes, scales, zeros);
    BlockQuantizer quantizer(rowsType);
    int64_t step = perRow ? (size + perRow - 1) / perRow : size;
    if (type.getBlock().getKind() == BlockKind::Group)
      step = type.getBlock().getGroup();
    error.resize(scaled.size());
    for (int64_t row = 0; row < weight.rows; ++row)
      for (int64_t first = 0, g = 0; first < size; first += step, ++g) {
        int64_t count = std::min(step, size - first);
        BlockParams params;
        if (perRow)
          params.scale = scales[row * perRow + g];
        if (!zeros.empty())
          params.zero = zeros[row * perRow + g];
        quantizer.decode(params,
                         ArrayRef(codes).slice(row * size + first, count),
                         llvm::MutableArrayRef<float>(error).slice(
                             row * size + first, count));
      }
    for (size_t i = 0; i < error.size(); ++i)
      error[i] = error[i] / own[i % size] - weight.values[i];
    double share = double(weight.total) / double(weight.rows);
    Vector product(error.size());
    cblas_ssymm(CblasRowMajor, CblasRight, CblasUpper, weight.rows, size, 1.0f,
                channels.moment.data(), size, error.data(), size, 0.0f,
                product.data(), size);
    double sum = 0;
    for (auto [e, p] : llvm::zip_equal(error, product))
      sum += double(e) * p;
    total += share * sum;
    for (size_t i = 0; i < weight.values.size(); ++i)
      columns[i % size] += share * double(weight.values[i]) * weight.values[i];
  }
  if (activationBits == 0)
    return total;
  // A token's step is at most that of the largest number ever seen.
  double most = 0, noise = 0;
  for (int64_t k = 0; k < size; ++k) {
    most = std::max(most, double(channels.absMax[k]) / own[k]);
    noise += double(own[k]) * own[k] * columns[k];
  }
  double step = most / double((1 << (activationBits - 1)) - 1);
  return total + step * step / 12 * noise;
}

SmoothingChoice SmoothScales::search(
    int count, llvm::function_ref<SmoothingChoice(int index)> make) const {
  SmoothingChoice best;
  double least = INFINITY;
  for (int i = 0; i < count; ++i) {
    SmoothingChoice choice = make(i);
    double error = getError(choice.scale);
    if (error < least) {
      least = error;
      best = std::move(choice);
    }
  }
  return best;
}

SmoothingChoice SmoothScales::searchSmoothQuant() const {
  return search(21, [&](int i) { return smoothQuant(i / 20.0); });
}

SmoothingChoice SmoothScales::searchAWQ() const {
  Vector mean = reduce(channels.absMean);
  return search(20, [&](int i) {
    SmoothingChoice choice;
    choice.parameter = i / 20.0;
    float low = INFINITY, high = 0;
    for (float x : mean) {
      float s = float(std::max(std::pow(double(x), choice.parameter), 1e-4));
      choice.scale.push_back(s);
      low = std::min(low, s);
      high = std::max(high, s);
    }
    float middle = std::sqrt(low * high);
    for (float &s : choice.scale)
      s /= middle;
    return choice;
  });
}

/// Statistics of x - shift.
static void move(SiteChannels &channels, ArrayRef<float> shift) {
  int64_t size = channels.size();
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      channels.moment[i * size + j] += shift[i] * shift[j] -
                                       shift[i] * channels.mean[j] -
                                       channels.mean[i] * shift[j];
  for (int64_t i = 0; i < size; ++i)
    channels.absMax[i] =
        std::max(channels.max[i] - shift[i], shift[i] - channels.min[i]);
}

SmoothingChoice SmoothScales::searchShiftAndScale(bool canShift) {
  SmoothingChoice start;
  if (canShift) {
    Vector high(producerChannels, -INFINITY), low(producerChannels, INFINITY);
    for (int64_t k = 0; k < channels.size(); ++k) {
      high[group[k]] = std::max(high[group[k]], channels.max[k]);
      low[group[k]] = std::min(low[group[k]], channels.min[k]);
    }
    for (auto [h, l] : llvm::zip_equal(high, low))
      start.shift.push_back((h + l) / 2);
    Vector own;
    for (int64_t g : group)
      own.push_back(start.shift[g]);
    move(channels, own);
  }
  Vector most = reduce(channels.absMax);
  float largest = *std::max_element(most.begin(), most.end());
  if (!(largest > 0))
    return {Vector(producerChannels, 1.0f), {}, 0};
  return search(20, [&](int i) {
    SmoothingChoice choice = start;
    choice.parameter = largest * (20 - i) / 20.0;
    for (float x : most)
      choice.scale.push_back(std::max(1.0f, float(x / choice.parameter)));
    return choice;
  });
}
