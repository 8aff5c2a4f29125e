//===- Allocate.cpp - which format for which weight -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationProblem.h"
#include "AllocationRounds.h"
#include "OutlierColumns.h"
#include "PassErrors.h"
#include "Sensitivity/Sensitivity.h"

#include "qnt/Analysis/ModelParts.h"
#include "qnt/Support/MappedFile.h"
#include "qnt/Support/Progress.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <set>

namespace qnt {
#define GEN_PASS_DEF_ALLOCATE
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

/// Points of the fronts of loss against each budget.
static constexpr size_t frontPoints = 24;

namespace {
class AllocatePass : public qnt::impl::AllocateBase<AllocatePass> {
public:
  AllocatePass() = default;
  explicit AllocatePass(AllocateOptions options,
                        MakeQuantize makeQuantize = nullptr,
                        TransformServices services = {})
      : AllocateBase(std::move(options)), makeQuantize(std::move(makeQuantize)),
        services(std::move(services)) {}

  void runOnOperation() override {
    if (failed(
            reportErrors(getOperation(), getArgument(), [&] { return run(); })))
      signalPassFailure();
  }

private:
  InFlightDiagnostic error() {
    return getOperation().emitError("qnt-allocate: ");
  }
  LogicalResult run();
  LogicalResult checkOptions();
  LogicalResult readOptionsOfQuantize();
  LogicalResult measureErrors();
  LogicalResult findValues();
  LogicalResult measureValues(LossMeter &meter);
  LogicalResult measureAndChoose();
  void updateLosses();
  LogicalResult choose();
  void apply();
  std::string makeKey();
  int64_t getCount();

  MakeQuantize makeQuantize;
  TransformServices services;
  std::shared_ptr<const CostModel> costModel;
  std::optional<FormatTrials> trials;
  std::shared_ptr<Sensitivity> sensitivity;
  AllocationReport result;
};
} // namespace

/// Of the options of qnt-quantize as text, where they did not come otherwise.
LogicalResult AllocatePass::readOptionsOfQuantize() {
  if (makeQuantize)
    return success();
  auto make = [text = quantize.getValue()](
                  StringRef weights, bool simulate,
                  function_ref<LogicalResult(const Twine &)> fail) {
    std::unique_ptr<Pass> pass = createQuantize();
    std::string all = text + " weights=" + weights.str() +
                      " simulate=" + (simulate ? "true" : "false");
    if (failed(pass->initializeOptions(all, fail)))
      pass = nullptr;
    return pass;
  };
  auto report = [&](const Twine &message) -> LogicalResult {
    return error() << "quantize=" << quantize << ": " << message;
  };
  if (!make("none", false, report))
    return failure();
  makeQuantize = [make](StringRef weights, bool simulate) {
    return make(weights, simulate, [](const Twine &) { return failure(); });
  };
  return success();
}

LogicalResult AllocatePass::checkOptions() {
  if (formats.size() < 2)
    return error() << "expected two formats or more in formats, got "
                   << formats.size();
  std::set<std::string> seen;
  for (const std::string &format : formats) {
    auto parts = parseWeightFormatName(format);
    NumberFormat parsed =
        parts ? parseFormat(parts->codes, &getContext()) : NumberFormat();
    if (!parsed || !parsed.isScaled())
      return error() << "formats: '" << format
                     << "' is no format whose codes have scales, such as int4 "
                        "or int4+16";
    if (!seen.insert(format).second)
      return error() << "formats: '" << format << "' is given twice";
  }
  if (bits < 0 || bytes < 0 || latency < 0 || bitOperations < 0 || context < 0)
    return error() << "expected budgets above 0";
  if (bits == 0 && bytes == 0 && latency == 0 && bitOperations == 0)
    return error() << "expected a budget: bits, bytes, latency or "
                      "bit-operations";
  sensitivity = makeSensitivity(metric);
  if (!sensitivity)
    return error() << "metric=" << metric << ": expected one of "
                   << llvm::join(getSensitivityNames(), ", ");
  if (!sensitivity->runsModel() &&
      !(activationFormats.empty() && cacheFormats.empty()))
    return error() << "metric=" << metric
                   << " measures weights alone: activation-formats and "
                      "cache-formats need one that runs the model";
  if (!activationFormats.empty() && latency == 0 && bitOperations == 0)
    return error() << "activation-formats without a budget that activations "
                      "take something of: latency or bit-operations";
  if (!cacheFormats.empty() && (bytes == 0 || context == 0))
    return error() << "cache-formats without a budget of bytes and a context";
  if (sensitivity->runsModel() && samples.empty())
    return error() << "metric=" << metric
                   << " runs the model: expected samples=FILE";
  if (sensitivity->runsModel() &&
      (!services.modelRunner || !services.functionRunner))
    return error() << "nothing here can run the model; expected metric=output "
                      "or weight";
  if (probes < 1 || elements < 1)
    return error() << "expected probes and elements above 0";
  return readOptionsOfQuantize();
}

/// A window of text has many tokens, an image one row of results.
int64_t AllocatePass::getCount() {
  if (count > 0)
    return count;
  return isLanguageModel(getOperation()) ? 16 : 256;
}

/// All that losses depend on.
std::string AllocatePass::makeKey() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OwningOpRef<ModuleOp> copy = getOperation().clone();
  // Modules written by hand do not say what is in their parameters.
  if (auto store = (*copy)->getAttrOfType<StringAttr>("qnt.params"); store)
    if (!(*copy)->hasAttr("qnt.params_sha256"))
      stream << params::ParamStore::open(store.str())->sha256();
  for (StringRef name : {"qnt.params", "qnt.statistics"})
    (*copy)->removeAttr(name);
  copy->print(stream);
  support::MappedFile file(samples);
  llvm::SHA256 hash;
  hash.update(text);
  hash.update(StringRef(reinterpret_cast<const char *>(file.bytes().data()),
                        file.bytes().size()));
  return llvm::toHex(hash.final(), /*LowerCase=*/true) +
         " count=" + std::to_string(getCount()) +
         " seed=" + std::to_string(seed) + sensitivity->getKey(probes) + " " +
         quantize + " " + key;
}

LogicalResult AllocatePass::measureErrors() {
  result.scores.assign(result.weights.size(),
                       std::vector<FormatScore>(formats.size()));
  support::Progress progress("weight errors", formats.size());
  for (auto [index, format] : llvm::enumerate(formats)) {
    auto errors = trials->getErrors(result.weights, format);
    if (failed(errors))
      return failure();
    for (auto [number, weight] : llvm::enumerate(result.weights)) {
      FormatScore &score = result.scores[number][index];
      for (const QuantizedContraction &layer : weight.layers[index]) {
        score.bits += layer.getWeightBits();
        score.bytes += double(costModel->getBytes(layer));
      }
      score.error = (*errors)[number];
    }
    progress.advance();
  }
  return success();
}

/// What has a format to choose beside weights.
LogicalResult AllocatePass::findValues() {
  if (!activationFormats.empty()) {
    auto inputs =
        findOpenInputs(getOperation(), result.weights,
                       SmallVector<std::string>(activationFormats.begin(),
                                                activationFormats.end()));
    if (failed(inputs))
      return failure();
    result.values = std::move(*inputs);
  }
  if (cacheFormats.empty())
    return success();
  auto found = findOpenCache(
      getOperation(),
      SmallVector<std::string>(cacheFormats.begin(), cacheFormats.end()));
  if (failed(found))
    return failure();
  result.values.push_back(std::move(*found));
  return success();
}

/// What floats lose is nothing.
LogicalResult AllocatePass::measureValues(LossMeter &meter) {
  support::Progress progress("sensitivity of values",
                             std::max<size_t>(result.values.size(), 1));
  for (OpenValue &value : result.values) {
    value.losses.clear();
    for (const std::string &format : value.formats) {
      auto loss = format == "none" ? FailureOr<double>(0.0)
                                   : meter.measure({{value.name, format}});
      if (failed(loss))
        return failure();
      value.losses.push_back(*loss);
    }
    progress.advance();
  }
  return success();
}

LogicalResult AllocatePass::measureAndChoose() {
  bool runsModel = sensitivity->runsModel();
  LossCache kept(runsModel ? cache.getValue() : "", metric,
                 runsModel ? makeKey() : "");
  std::optional<LossMeter> meter;
  if (runsModel)
    meter.emplace(getOperation(), *trials, *services.modelRunner,
                  SampleSet{samples, getCount(), seed}, kept);
  if (failed(sensitivity->measure({getOperation(),
                                   *trials,
                                   services,
                                   {samples, getCount(), seed},
                                   result.weights,
                                   result.formats,
                                   kept,
                                   meter ? &*meter : nullptr,
                                   probes,
                                   elements},
                                  result.scores)) ||
      (meter && failed(measureValues(*meter))))
    return failure();
  updateLosses();
  if (failed(choose()))
    return failure();
  return meter ? AllocationRounds(*meter, result).run(rounds) : success();
}

/// Of the problem's choices, as the scores have them now.
void AllocatePass::updateLosses() {
  for (auto [index, scores] : llvm::enumerate(result.scores))
    for (allocation::Choice &choice : result.problem.items[index].choices)
      choice.loss =
          scores[llvm::find(formats, choice.name) - formats.begin()].loss;
  for (auto [index, value] : llvm::enumerate(result.values))
    for (allocation::Choice &choice :
         result.problem.items[result.weights.size() + index].choices)
      choice.loss = value.losses[llvm::find(value.formats, choice.name) -
                                 value.formats.begin()];
}

LogicalResult AllocatePass::choose() {
  try {
    result.chosen = allocation::solve(result.problem);
  } catch (const allocation::InfeasibleError &infeasible) {
    return error() << infeasible.what();
  }
  return success();
}

void AllocatePass::apply() {
  Builder builder(&getContext());
  NamedAttrList formatOf;
  for (size_t index = 0; index < result.countOpen(); ++index) {
    const allocation::Item &item = result.problem.items[index];
    const allocation::Choice &choice =
        item.choices[result.chosen.choices[index]];
    formatOf.set(item.name, builder.getStringAttr(choice.name));
    remark::passed(getOperation().getLoc(),
                   remark::RemarkOpts::name("format").category("qnt-allocate"))
        << remark::metric("tensor", item.name)
        << remark::metric("format", choice.name)
        << remark::metric("loss", choice.loss);
  }
  getOperation()->setAttr(allocationAttr,
                          formatOf.getDictionary(&getContext()));
}

LogicalResult AllocatePass::run() {
  if (failed(checkOptions()))
    return failure();
  result = {};
  costModel = services.costModel ? services.costModel
                                 : std::make_shared<const CostModel>();
  result.metric = metric;
  result.formats.assign(formats.begin(), formats.end());
  trials.emplace(getOperation(), makeQuantize);
  auto open = trials->findOpenWeights(result.formats);
  if (failed(open))
    return failure();
  result.weights = std::move(open->weights);
  if (result.weights.empty())
    return error() << "no weight has a format to choose";
  if (failed(findValues()) || failed(measureErrors()))
    return failure();
  auto problem =
      makeAllocationProblem(getOperation(), result, *open, *costModel,
                            {bits, bytes, context, latency, bitOperations});
  if (failed(problem))
    return failure();
  result.problem = std::move(*problem);
  // What cannot be is known before the model runs.
  if (failed(pinFormats(getOperation(),
                        SmallVector<std::string>(pins.begin(), pins.end()),
                        result)) ||
      failed(choose()) || failed(measureAndChoose()))
    return failure();
  apply();
  if (!report.empty()) {
    for (size_t i = 0; i < result.problem.budgets.size(); ++i)
      result.fronts.push_back(
          allocation::sweep(result.problem, i, frontPoints));
    result.pictures = drawWeights(getOperation(), result.weights, statistics);
    result.write(report);
  }
  return success();
}

std::unique_ptr<Pass> qnt::createAllocate(AllocateOptions options,
                                          MakeQuantize makeQuantize,
                                          TransformServices services) {
  return std::make_unique<AllocatePass>(
      std::move(options), std::move(makeQuantize), std::move(services));
}
