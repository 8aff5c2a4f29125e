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
  QuantizedContraction getLayer(size_t weight, size_t format,
                                StringRef activation) const;
  LogicalResult prepareLatencies();
  FailureOr<double> getSeconds(const QuantizedContraction &layer);
  FailureOr<Costs> getCosts(const QuantizedContraction &layer);
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

QuantizedContraction ProblemMaker::getLayer(size_t weight, size_t format,
                                            StringRef activation) const {
  QuantizedContraction layer = report.weights[weight].layers[format];
  bool isPerTensor = layer.activation.perTensor;
  layer.activation =
      parseActivationFormat(activation, layer.weight.getContext());
  layer.activation.perTensor = isPerTensor && layer.activation.format;
  return layer;
}

/// Of all layers in all formats that they might have, measured together.
LogicalResult ProblemMaker::prepareLatencies() {
  if (budgets.latency == 0)
    return success();
  std::vector<QuantizedContraction> all(open.fixedLayers);
  for (auto [number, weight] : llvm::enumerate(report.weights)) {
    llvm::append_range(all, weight.layers);
    if (const OpenValue *input = findInput(number))
      for (const std::string &activation : input->formats)
        for (size_t format = 0; format < weight.layers.size(); ++format)
          all.push_back(getLayer(number, format, activation));
  }
  if (llvm::Error failed = costModel.prepareLatencies(all))
    return error() << "latency: " << llvm::toString(std::move(failed));
  return success();
}

FailureOr<double> ProblemMaker::getSeconds(const QuantizedContraction &layer) {
  llvm::Expected<double> known = costModel.getLatency(layer);
  if (!known)
    return error() << "latency: " << llvm::toString(known.takeError());
  return *known;
}

/// Of each budget, for a layer with the weight in it.
FailureOr<Costs> ProblemMaker::getCosts(const QuantizedContraction &layer) {
  Costs costs;
  if (budgets.bits > 0)
    costs.push_back(layer.weight.getBitsPerElement() *
                    double(llvm::product_of(layer.weight.getShape())) /
                    elements);
  if (budgets.bytes > 0)
    costs.push_back(double(costModel.getBytes(layer)));
  if (budgets.latency > 0) {
    auto seconds = getSeconds(layer);
    if (failed(seconds))
      return failure();
    costs.push_back(*seconds * 1e3);
  }
  if (budgets.bitOperations > 0)
    costs.push_back(CostModel::getBitOperations(layer) / 1e9);
  return costs;
}

/// What it costs with the input that it has. Where that is open, the coupling
/// of both has it.
LogicalResult ProblemMaker::addWeight(size_t number) {
  const OpenWeight &weight = report.weights[number];
  bool isCoupled = findInput(number);
  allocation::Item item{weight.name, {}};
  for (auto [format, layer, score] :
       llvm::zip_equal(report.formats, weight.layers, report.scores[number])) {
    if (budgets.latency > 0) {
      auto seconds = getSeconds(layer);
      if (failed(seconds))
        return failure();
      score.seconds = *seconds;
    }
    auto costs = getCosts(layer);
    if (failed(costs))
      return failure();
    if (isCoupled)
      llvm::fill(*costs, 0.0);
    if (isCoupled || costModel.isSupported(layer))
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
      QuantizedContraction layer = getLayer(weight, format, activation);
      if (!costModel.isSupported(layer))
        return error() << "the target has no code for '"
                       << report.weights[weight].layer << "' with weights of "
                       << report.formats[format] << " and activations of "
                       << activation;
      auto costs = getCosts(layer);
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
  double seconds = 0, operations = 0;
  for (const QuantizedContraction &layer : open.fixedLayers) {
    operations += CostModel::getBitOperations(layer);
    if (budgets.latency == 0)
      continue;
    auto known = getSeconds(layer);
    if (failed(known))
      return failure();
    seconds += *known;
  }
  if (budgets.latency > 0)
    costs.push_back(seconds * 1e3);
  if (budgets.bitOperations > 0)
    costs.push_back(operations / 1e9);
  problem.items.push_back({"the rest", {{"", 0, std::move(costs)}}});
  return success();
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
    if (budgets.bytes > 0)
      for (auto [choice, cache] : llvm::zip(item.choices, value.caches))
        choice.costs[budgets.bits > 0] =
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
