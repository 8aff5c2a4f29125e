//===- Allocate.cpp - which format for which weight -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AllocationRounds.h"
#include "PassErrors.h"

#include "qnt/Analysis/ModelParts.h"
#include "qnt/Support/MappedFile.h"
#include "qnt/Support/Names.h"
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
  LogicalResult measureLosses(LossCache &kept, LossMeter &meter);
  LogicalResult chooseByRuns();
  LogicalResult findLatencies(ArrayRef<QuantizedContraction> fixed);
  LogicalResult makeProblem(const OpenWeights &open);
  LogicalResult pinFormats();
  void updateLosses();
  LogicalResult choose();
  void apply();
  std::string makeKey();
  int64_t getCount();

  MakeQuantize makeQuantize;
  TransformServices services;
  std::shared_ptr<const CostModel> costModel;
  std::optional<FormatTrials> trials;
  /// Of layers on weights that are not open.
  double fixedSeconds = 0;
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
    NumberFormat parsed = parseFormat(format, &getContext());
    if (!parsed || !parsed.isScaled())
      return error() << "formats: '" << format
                     << "' is no format whose codes have scales";
    if (!seen.insert(format).second)
      return error() << "formats: '" << format << "' is given twice";
  }
  if (bits < 0 || bytes < 0 || latency < 0)
    return error() << "expected budgets above 0";
  if (bits == 0 && bytes == 0 && latency == 0)
    return error() << "expected a budget: bits, bytes or latency";
  if (!llvm::is_contained({"loss", "output", "weight"}, metric))
    return error() << "metric=" << metric
                   << ": expected loss, output or weight";
  if (metric == "loss" && samples.empty())
    return error() << "metric=loss runs the model: expected samples=FILE";
  if (metric == "loss" && !services.modelRunner)
    return error() << "nothing here can run the model; expected metric=output "
                      "or weight";
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
         " seed=" + std::to_string(seed) + " " + quantize + " " + key;
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
      const QuantizedContraction &layer = weight.layers[index];
      score.bits = layer.weight.getBitsPerElement() * double(weight.getSize());
      score.bytes = double(costModel->getBytes(layer));
      score.error = (*errors)[number];
      if (metric == "output" && !score.error.output)
        return error() << "metric=output: no second moment of the input of '"
                       << weight.layer
                       << "'; run qnt-calibrate with tensors= and moments";
      score.loss =
          metric == "output" ? *score.error.output : score.error.relative;
    }
    progress.advance();
  }
  return success();
}

/// Losses are measured in the two formats that change a weight most. They are
/// nearly quadratic in its error from there on, so that those of the others
/// follow by the errors' ratio.
LogicalResult AllocatePass::measureLosses(LossCache &kept, LossMeter &meter) {
  support::Progress progress("sensitivity", result.weights.size() * 2);
  auto measure = [&](StringRef weight,
                     const std::string &format) -> FailureOr<double> {
    progress.advance();
    if (auto known = kept.find(weight.str(), format))
      return *known;
    if (!meter.isStarted() && failed(meter.start(getOperation())))
      return failure();
    auto trial = trials->simulate({{weight.str(), format}});
    if (failed(trial))
      return failure();
    auto measured = meter.measure(**trial);
    if (succeeded(measured))
      kept.add(weight.str(), format, *measured);
    return measured;
  };
  for (auto [weight, scores] : llvm::zip_equal(result.weights, result.scores)) {
    auto order = llvm::to_vector(llvm::seq<size_t>(0, formats.size()));
    llvm::stable_sort(order, [&, &scores = scores](size_t a, size_t b) {
      return scores[a].getError() > scores[b].getError();
    });
    for (size_t rank = 0; rank < order.size(); ++rank) {
      FormatScore &score = scores[order[rank]];
      if (rank < 2) {
        auto loss = measure(weight.name, formats[order[rank]]);
        if (failed(loss))
          return failure();
        score.loss = *loss;
        continue;
      }
      const FormatScore &coarser = scores[order[1]];
      score.loss = coarser.getError() > 0
                       ? coarser.loss * score.getError() / coarser.getError()
                       : 0;
    }
  }
  return success();
}

/// The seconds of all layers, if there is a budget of them.
LogicalResult
AllocatePass::findLatencies(ArrayRef<QuantizedContraction> fixed) {
  if (latency == 0)
    return success();
  std::vector<QuantizedContraction> all(fixed.begin(), fixed.end());
  for (const OpenWeight &weight : result.weights)
    llvm::append_range(all, weight.layers);
  if (llvm::Error failed = costModel->prepareLatencies(all))
    return error() << "latency: " << llvm::toString(std::move(failed));
  auto find = [&](const QuantizedContraction &layer, double &seconds) {
    llvm::Expected<double> known = costModel->getLatency(layer);
    if (!known)
      return LogicalResult(error()
                           << "latency: " << llvm::toString(known.takeError()));
    seconds = *known;
    return success();
  };
  for (const QuantizedContraction &layer : fixed) {
    double seconds;
    if (failed(find(layer, seconds)))
      return failure();
    fixedSeconds += seconds;
  }
  for (auto [weight, scores] : llvm::zip_equal(result.weights, result.scores))
    for (auto [layer, score] : llvm::zip_equal(weight.layers, scores))
      if (failed(find(layer, score.seconds.emplace())))
        return failure();
  return success();
}

LogicalResult AllocatePass::makeProblem(const OpenWeights &open) {
  allocation::Problem &problem = result.problem;
  double elements = 0;
  for (const OpenWeight &weight : result.weights)
    elements += double(weight.getSize());
  if (bits > 0)
    problem.budgets.push_back({"bits", bits});
  if (bytes > 0)
    problem.budgets.push_back({"bytes", double(bytes)});
  if (latency > 0)
    problem.budgets.push_back({"ms", latency});
  auto makeCosts = [&](double ofBits, double ofBytes, double seconds) {
    std::vector<double> costs;
    if (bits > 0)
      costs.push_back(ofBits / elements);
    if (bytes > 0)
      costs.push_back(ofBytes);
    if (latency > 0)
      costs.push_back(seconds * 1e3);
    return costs;
  };
  for (auto [weight, scores] : llvm::zip_equal(result.weights, result.scores)) {
    allocation::Item item{weight.name, {}};
    for (auto [format, score] : llvm::zip_equal(formats, scores))
      item.choices.push_back(
          {format, score.loss,
           makeCosts(score.bits, score.bytes, score.seconds.value_or(0))});
    problem.items.push_back(std::move(item));
  }
  // Budgets but that of bits are of the whole model.
  problem.items.push_back(
      {"the rest", {{"", 0, makeCosts(0, open.fixedBytes, fixedSeconds)}}});
  return pinFormats();
}

LogicalResult AllocatePass::pinFormats() {
  std::vector<std::string> pinnedBy(result.weights.size());
  for (const std::string &pin : pins) {
    auto [pattern, format] = StringRef(pin).rsplit('=');
    if (!llvm::is_contained(formats, format))
      return error() << "pins: '" << pin
                     << "': expected REGEX=FORMAT, of a format in formats";
    auto rules = parseKeepRules(pattern.str(), [&] { return error(); });
    if (failed(rules))
      return failure();
    for (auto [index, weight] : llvm::enumerate(result.weights)) {
      if (!isNamed(*rules, weight.name, weight.layer))
        continue;
      allocation::Item &item = result.problem.items[index];
      if (!pinnedBy[index].empty() && item.choices.front().name != format)
        return error() << "pins: '" << pinnedBy[index] << "' and '" << pin
                       << "' contradict each other about '" << weight.name
                       << "'";
      pinnedBy[index] = pin;
      llvm::erase_if(item.choices, [&](const allocation::Choice &choice) {
        return choice.name != format;
      });
    }
    if (!rules->front().used) {
      std::vector<std::string> names;
      for (const OpenWeight &weight : result.weights)
        names.push_back(weight.name);
      return error() << "pins: '" << pattern
                     << "' is found in the name of no open weight; the nearest "
                        "is '"
                     << support::findNearest(pattern, names) << "'";
    }
  }
  return success();
}

/// Of the problem's choices, as the scores have them now.
void AllocatePass::updateLosses() {
  for (auto [index, scores] : llvm::enumerate(result.scores))
    for (allocation::Choice &choice : result.problem.items[index].choices)
      choice.loss =
          scores[llvm::find(formats, choice.name) - formats.begin()].loss;
}

LogicalResult AllocatePass::choose() {
  try {
    result.chosen = allocation::solve(result.problem);
  } catch (const allocation::InfeasibleError &infeasible) {
    return error() << infeasible.what();
  }
  return success();
}

LogicalResult AllocatePass::chooseByRuns() {
  LossCache kept(cache, makeKey());
  LossMeter meter(*services.modelRunner, {samples, getCount(), seed});
  if (failed(measureLosses(kept, meter)))
    return failure();
  updateLosses();
  if (failed(choose()))
    return failure();
  return AllocationRounds(getOperation(), *trials, meter, kept, result)
      .run(rounds);
}

void AllocatePass::apply() {
  Builder builder(&getContext());
  NamedAttrList formatOf;
  for (auto [index, weight] : llvm::enumerate(result.weights)) {
    const allocation::Choice &choice =
        result.problem.items[index].choices[result.chosen.choices[index]];
    formatOf.set(weight.name, builder.getStringAttr(choice.name));
    remark::passed(getOperation().getLoc(),
                   remark::RemarkOpts::name("format").category("qnt-allocate"))
        << remark::metric("tensor", weight.name)
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
  fixedSeconds = 0;
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
  if (failed(measureErrors()) || failed(findLatencies(open->fixedLayers)) ||
      failed(makeProblem(*open)) || failed(choose()))
    return failure();
  // What cannot be is known before the model runs.
  if (metric == "loss" && failed(chooseByRuns()))
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
