//===- AllocationReport.cpp - what formats were chosen from -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationReport.h"

#include "qnt/Support/AtomicFile.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace qnt;
using nlohmann::ordered_json;

static constexpr int64_t fileVersion = 1;

static ordered_json describe(const allocation::Allocation &choice) {
  return {{"loss", choice.loss}, {"costs", choice.costs}};
}

/// In decibels; null for what is exact.
static ordered_json getSQNR(double relativeError) {
  if (relativeError <= 0)
    return nullptr;
  return -10 * std::log10(relativeError);
}

static ordered_json describe(const FormatScore &score,
                             const std::string &format) {
  ordered_json result = {{"format", format},
                         {"bits", score.bits},
                         {"bytes", score.bytes},
                         {"loss", score.loss},
                         {"sqnr_db", getSQNR(score.error.relative)}};
  if (score.seconds)
    result["seconds"] = *score.seconds;
  if (score.error.output)
    result["output_sqnr_db"] = getSQNR(*score.error.output);
  return result;
}

static ordered_json describe(const Histogram &histogram) {
  return {{"low", histogram.range.low},
          {"high", histogram.range.high},
          {"counts", histogram.counts}};
}

/// Of a weight's input.
static ordered_json describe(const WeightPicture &picture) {
  ordered_json result = {{"outlier_ratio", *picture.outlierRatio}};
  if (picture.input)
    result["histogram"] = describe(*picture.input);
  return result;
}

std::map<std::string, std::string>
AllocationReport::getFormats(llvm::ArrayRef<size_t> choices) const {
  std::map<std::string, std::string> formats;
  for (size_t index = 0; index < countOpen(); ++index) {
    const allocation::Item &item = problem.items[index];
    formats[item.name] = item.choices[choices[index]].name;
  }
  return formats;
}

static ordered_json describe(const OpenValue &value,
                             const std::string &chosen) {
  ordered_json choices = ordered_json::array();
  for (auto [format, loss] : llvm::zip_equal(value.formats, value.losses))
    choices.push_back({{"format", format}, {"loss", loss}});
  return {{"name", value.name},
          {"format", chosen},
          {"choices", std::move(choices)}};
}

void AllocationReport::write(const std::string &path) const {
  ordered_json budgets = ordered_json::array();
  for (auto [index, budget] : llvm::enumerate(problem.budgets)) {
    ordered_json front = ordered_json::array();
    for (const allocation::Allocation &point : fronts[index])
      front.push_back(describe(point));
    budgets.push_back({{"name", budget.name},
                       {"limit", budget.limit},
                       {"taken", chosen.costs[index]},
                       {"front", std::move(front)}});
  }
  std::map<std::string, std::string> formatsOf = getFormats(chosen.choices);
  ordered_json tensors = ordered_json::array();
  for (auto [index, weight] : llvm::enumerate(weights)) {
    ordered_json choices = ordered_json::array();
    for (auto [format, score] : llvm::zip_equal(formats, scores[index]))
      choices.push_back(describe(score, format));
    ordered_json tensor = {{"name", weight.name},
                           {"layer", weight.layer},
                           {"shape", std::vector<int64_t>(weight.getShape())},
                           {"format", formatsOf[weight.name]},
                           {"choices", std::move(choices)},
                           {"histogram", describe(pictures[index].numbers)}};
    if (pictures[index].outlierRatio)
      tensor["input"] = describe(pictures[index]);
    tensors.push_back(std::move(tensor));
  }
  ordered_json file = {{"format", "qnt-allocation"},
                       {"version", fileVersion},
                       {"metric", metric},
                       {"formats", formats},
                       {"loss", chosen.loss}};
  if (measured)
    file["measured_loss"] = *measured;
  file.update({{"allocation", formatsOf},
               {"budgets", std::move(budgets)},
               {"tensors", std::move(tensors)}});
  for (const OpenValue &value : values)
    file["values"].push_back(describe(value, formatsOf[value.name]));
  support::writeFileAtomically(path, file.dump(1) + "\n");
}
