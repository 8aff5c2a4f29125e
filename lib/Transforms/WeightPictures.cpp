//===- WeightPictures.cpp - what reports show of weights -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "WeightPictures.h"

#include "ConvPatches.h"
#include "ParamEvaluator.h"
#include "StatisticsTensors.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ParamExpressions.h"

using namespace mlir;
using namespace qnt;

static constexpr int64_t bins = 48;

static std::optional<double> getOutlierRatio(const params::ParamStore *store,
                                             StringRef site) {
  std::string name = getChannelStatisticName(site, "absmax");
  if (!store || !store->find(name))
    return std::nullopt;
  const params::TensorView &view = store->get(name);
  std::vector<float> largest(view.numElements());
  params::toFloat(view, 0, largest);
  auto middle = largest.begin() + largest.size() / 2;
  std::nth_element(largest.begin(), middle, largest.end());
  double median = *middle;
  return median > 0 ? *llvm::max_element(largest) / median : 0.0;
}

std::vector<WeightPicture> qnt::drawWeights(ModuleOp module,
                                            ArrayRef<OpenWeight> weights,
                                            const std::string &statisticsFile) {
  auto store = params::ParamStore::open(
      module->getAttrOfType<StringAttr>("qnt.params").str());
  std::shared_ptr<params::ParamStore> channels;
  if (auto file = module->getAttrOfType<StringAttr>("qnt.statistics"))
    channels = openStatisticsTensors(file.str());
  StatisticsMap ranges;
  if (!statisticsFile.empty())
    ranges = StatisticsFile::read(statisticsFile);
  std::map<StringRef, size_t> numbers;
  for (auto [number, weight] : llvm::enumerate(weights))
    numbers[weight.name] = number;
  ParamEvaluator evaluator(*store, channels.get());
  std::vector<WeightPicture> pictures(weights.size());
  for (const ActivationSite &site : collectActivationSites(module))
    for (Operation *layer : site.layers) {
      Value weight = layer->getOperand(1);
      auto found = numbers.find(getParamName(weight));
      if (found == numbers.end())
        continue;
      WeightPicture &picture = pictures[found->second];
      if (!picture.numbers.counts.empty())
        continue;
      RangeStatistics values;
      (void)values.add(evaluator.evaluateFloat(
          weight, {0, cast<RankedTensorType>(weight.getType()).getDimSize(0)}));
      picture.numbers = values.getHistogram(bins);
      picture.outlierRatio = getOutlierRatio(channels.get(), site.name);
      if (auto range = ranges.find(site.name); range != ranges.end())
        picture.input = range->second.getHistogram(bins);
    }
  return pictures;
}
