//===- AllocationProblem.cpp - what formats cost -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationProblem.h"

using namespace mlir;
using namespace qnt;

namespace {
using Costs = std::vector<double>;

class ProblemMaker {
public:
  ProblemMaker(ModuleOp module, AllocationReport &report,
               const OpenWeights &open, const CostModel &costModel,
               const AllocationBudgets &budgets)
      : module(module), report(report), open(open), costModel(costModel),
        budgets(budgets) {}

  FailureOr<allocation::Problem> make();

private:
  InFlightDiagnostic error() { return module.emitError("qnt-allocate: "); }
  const OpenValue *findInput(size_t weight) const;
  LayerParts getLayers(size_t weight, size_t format,
                       StringRef activation) const;
  bool isSupported(const LayerParts &layers) const;
  LogicalResult prepareLatencies();
  FailureOr<double> getSeconds(ArrayRef<QuantizedContraction> layers);
  FailureOr<Costs> getCosts(const LayerParts &layers);
  LogicalResult addWeight(size_t weight);
  LogicalResult addCoupling(size_t weight, size_t value);
  LogicalResult addRest();

  ModuleOp module;
  AllocationReport &report;
  const OpenWeights &open;
  const CostModel &costModel;
  const AllocationBudgets &budgets;
  double elements = 0;
  allocation::Problem problem;
};
} // namespace

/// The open input of the layer of a weight, or null.
const OpenValue *ProblemMaker::findInput(size_t weight) const {
  for (const OpenValue &value : report.values)
    if (llvm::is_contained(value.weights, weight))
      return &value;
  return nullptr;
}

/// With that input of the layer on codes; what is apart takes floats.
LayerParts ProblemMaker::getLayers(size_t weight, size_t format,
                                   StringRef activation) const {
  LayerParts layers = report.weights[weight].layers[format];
  QuantizedContraction &layer = layers.front();
  bool isPerTensor = layer.activation.perTensor;
  layer.activation =
      parseActivationFormat(activation, layer.weight.getContext());
  layer.activation.perTensor = isPerTensor && layer.activation.format;
  return layers;
}

bool ProblemMaker::isSupported(const LayerParts &layers) const {
  return llvm::all_of(layers, [&](const QuantizedContraction &layer) {
    return costModel.isSupported(layer);
  });
}

/// Of all layers in all formats that they might have, measured together.
LogicalResult ProblemMaker::prepareLatencies() {
  if (budgets.latency == 0)
    return success();
  std::vector<QuantizedContraction> all(open.fixedLayers);
  for (auto [number, weight] : llvm::enumerate(report.weights)) {
    for (const LayerParts &layers : weight.layers)
      llvm::append_range(all, layers);
    if (const OpenValue *input = findInput(number))
      for (const std::string &activation : input->formats)
        for (size_t format = 0; format < weight.layers.size(); ++format)
          llvm::append_range(all, getLayers(number, format, activation));
  }
  if (llvm::Error failed = costModel.prepareLatencies(all))
    return error() << "latency: " << llvm::toString(std::move(failed));
  return success();
}

FailureOr<double>
ProblemMaker::getSeconds(ArrayRef<QuantizedContraction> layers) {
  double seconds = 0;
  for (const QuantizedContraction &layer : layers) {
    llvm::Expected<double> known = costModel.getLatency(layer);
    if (!known)
      return error() << "latency: " << llvm::toString(known.takeError());
    seconds += *known;
  }
  return seconds;
}

/// Of each budget, for the layers on a weight with the weight in them.
FailureOr<Costs> ProblemMaker::getCosts(const LayerParts &layers) {
  auto sum = [&](auto getCost) {
    double all = 0;
    for (const QuantizedContraction &layer : layers)
      all += getCost(layer);
    return all;
  };
  Costs costs;
  if (budgets.bits > 0)
    costs.push_back(sum([](const QuantizedContraction &layer) {
                      return layer.getWeightBits();
                    }) /
                    elements);
  if (budgets.bytes > 0)
    costs.push_back(sum([&](const QuantizedContraction &layer) {
      return double(costModel.getBytes(layer));
    }));
  if (budgets.latency > 0) {
    auto seconds = getSeconds(layers);
    if (failed(seconds))
      return failure();
    costs.push_back(*seconds * 1e3);
  }
  if (budgets.bitOperations > 0)
    costs.push_back(sum([](const QuantizedContraction &layer) {
                      return CostModel::getBitOperations(layer);
                    }) /
                    1e9);
  return costs;
}

/// What it costs with the input that it has. Where that is open, the coupling
/// of both has it.
LogicalResult ProblemMaker::addWeight(size_t number) {
  const OpenWeight &weight = report.weights[number];
  bool isCoupled = findInput(number);
  allocation::Item item{weight.name, {}};
  for (auto [format, layers, score] :
       llvm::zip_equal(report.formats, weight.layers, report.scores[number])) {
    if (budgets.latency > 0) {
      auto seconds = getSeconds(layers);
      if (failed(seconds))
        return failure();
      score.seconds = *seconds;
    }
    auto costs = getCosts(layers);
    if (failed(costs))
      return failure();
    if (isCoupled)
      llvm::fill(*costs, 0.0);
    if (!isCoupled && !isSupported(layers)) {
      module.emitWarning("qnt-allocate: the target has no code for '")
          << weight.layer << "' with weights of " << format
          << ", which is no choice for it";
      continue;
    }
    item.choices.push_back({format, 0, std::move(*costs)});
  }
  if (item.choices.empty())
    return error() << "the target has no code for '" << weight.layer
                   << "' with weights of any of the formats";
  problem.items.push_back(std::move(item));
  return success();
}

/// What each of the layers of an input costs, by its format and by the
/// weight's.
LogicalResult ProblemMaker::addCoupling(size_t weight, size_t number) {
  const OpenValue &value = report.values[number];
  allocation::Coupling coupling{weight, report.weights.size() + number, {}};
  for (size_t format = 0; format < report.formats.size(); ++format) {
    auto &row = coupling.costs.emplace_back();
    for (const std::string &activation : value.formats) {
      LayerParts layers = getLayers(weight, format, activation);
      if (!isSupported(layers))
        return error() << "the target has no code for '"
                       << report.weights[weight].layer << "' with weights of "
                       << report.formats[format] << " and activations of "
                       << activation;
      auto costs = getCosts(layers);
      if (failed(costs))
        return failure();
      row.push_back(std::move(*costs));
    }
  }
  problem.couplings.push_back(std::move(coupling));
  return success();
}

LogicalResult ProblemMaker::addRest() {
  Costs costs;
  if (budgets.bits > 0)
    costs.push_back(0);
  if (budgets.bytes > 0)
    costs.push_back(open.fixedBytes);
  if (budgets.latency > 0) {
    auto seconds = getSeconds(open.fixedLayers);
    if (failed(seconds))
      return failure();
    costs.push_back(*seconds * 1e3);
  }
  double operations = 0;
  for (const QuantizedContraction &layer : open.fixedLayers)
    operations += CostModel::getBitOperations(layer);
  if (budgets.bitOperations > 0)
    costs.push_back(operations / 1e9);
  problem.items.push_back({"the rest", {{"", 0, std::move(costs)}}});
  return success();
}

static size_t findBudget(const allocation::Problem &problem, StringRef name) {
  return llvm::find_if(
             problem.budgets,
             [&](const auto &budget) { return budget.name == name; }) -
         problem.budgets.begin();
}

FailureOr<allocation::Problem> ProblemMaker::make() {
  for (const OpenWeight &weight : report.weights)
    elements += double(weight.getSize());
  if (budgets.bits > 0)
    problem.budgets.push_back({"bits", budgets.bits});
  if (budgets.bytes > 0)
    problem.budgets.push_back({"bytes", double(budgets.bytes)});
  if (budgets.latency > 0)
    problem.budgets.push_back({"ms", budgets.latency});
  if (budgets.bitOperations > 0)
    problem.budgets.push_back({"Gbop", budgets.bitOperations});
  if (failed(prepareLatencies()))
    return failure();
  for (size_t weight = 0; weight < report.weights.size(); ++weight)
    if (failed(addWeight(weight)))
      return failure();
  for (auto [number, value] : llvm::enumerate(report.values)) {
    allocation::Item item{value.name, {}};
    Costs none(problem.budgets.size());
    for (const std::string &format : value.formats)
      item.choices.push_back({format, 0, none});
    for (auto [choice, cache] : llvm::zip(item.choices, value.caches))
      choice.costs[findBudget(problem, "bytes")] =
          double(costModel.getCacheBytes(cache, budgets.context));
    problem.items.push_back(std::move(item));
    for (size_t weight : value.weights)
      if (failed(addCoupling(weight, number)))
        return failure();
  }
  if (failed(addRest()))
    return failure();
  return std::move(problem);
}

FailureOr<allocation::Problem>
qnt::makeAllocationProblem(ModuleOp module, AllocationReport &report,
                           const OpenWeights &open, const CostModel &costModel,
                           const AllocationBudgets &budgets) {
  return ProblemMaker(module, report, open, costModel, budgets).make();
}
