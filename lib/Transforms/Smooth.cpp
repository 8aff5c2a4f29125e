//===- Smooth.cpp - channels rescaled for quantisation -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ParamEvaluator.h"
#include "PassErrors.h"
#include "QuantizeRules.h"
#include "SmoothKeys.h"
#include "SmoothScales.h"
#include "SmoothSites.h"
#include "StatisticsTensors.h"

#include "qnt/Analysis/ParamExpressions.h"

#include "mlir/IR/Remarks.h"

namespace qnt {
#define GEN_PASS_DEF_SMOOTH
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

/// Rows of each weight that searches look at.
static constexpr int64_t sampledRows = 256;

namespace {
class SmoothPass : public qnt::impl::SmoothBase<SmoothPass> {
public:
  using SmoothBase::SmoothBase;

  void runOnOperation() override {
    if (failed(
            reportErrors(getOperation(), getArgument(), [&] { return run(); })))
      signalPassFailure();
  }

private:
  InFlightDiagnostic error() {
    return getOperation().emitError("qnt-smooth: ");
  }
  LogicalResult run();
  LogicalResult makeFormat();
  bool isChosen(const SmoothSite &site) const;
  std::vector<float> loadStatistic(const std::string &site, StringRef kind,
                                   int64_t features);
  SiteChannels loadChannels(const std::string &site, int64_t features);
  WeightRows loadRows(Value weight);
  FailureOr<SmoothingChoice> choose(const SmoothSite &site);

  std::shared_ptr<params::ParamStore> store, statistics;
  std::shared_ptr<ParamEvaluator> evaluator;
  /// How weights will be quantised, for searches.
  WeightRule rule;
  unsigned activationBits = 0;
  std::optional<double> fixedAlpha;
};
} // namespace

LogicalResult SmoothPass::makeFormat() {
  fixedAlpha.reset();
  if (method == "none" && keys)
    return success();
  if (method != "smoothquant" && method != "os+" && method != "awq")
    return error() << "method=" << method
                   << ": expected smoothquant, os+ or awq, or none with keys";
  if (sites != "all" && sites != "linear")
    return error() << "sites=" << sites << ": expected all or linear";
  double value;
  if (alpha != "search") {
    if (StringRef(alpha).getAsDouble(value) || !(value >= 0 && value <= 1))
      return error() << "alpha=" << alpha
                     << ": expected search or a number of 0 to 1";
    fixedAlpha = value;
    if (method != "smoothquant")
      return error() << "alpha=" << alpha << ": method=" << method
                     << " searches for its parameter";
    return success();
  }
  QuantizeOptions options;
  options.weights = weights;
  options.group = group;
  options.scale = scale;
  options.weightsZero = weightsZero;
  auto rules = makeQuantizeRules(
      options, CostModel(),
      {/*allocation=*/{}, /*hasStored=*/false, getOperation().getLoc()});
  if (failed(rules))
    return failure();
  if (!rules->linear.format)
    return error() << "weights=none: a search needs the weights' format";
  rule = rules->linear;
  activationBits = 0;
  if (activations != "none") {
    auto format = dyn_cast_or_null<IntFormatAttr>(
        parseFormat(activations, &getContext()));
    if (!format)
      return error() << "activations=" << activations
                     << ": expected an integer format or none";
    activationBits = format.getWidth();
  }
  return success();
}

/// Where an op before the site takes the scales; an online product only where
/// it was asked for.
bool SmoothPass::isChosen(const SmoothSite &site) const {
  if (!site.producer)
    return online;
  return sites == "all" || isa<nn::LinearOp>(site.producer);
}

std::vector<float> SmoothPass::loadStatistic(const std::string &site,
                                             StringRef kind, int64_t features) {
  std::string name = getChannelStatisticName(site, kind);
  auto type =
      RankedTensorType::get({features}, Float32Type::get(&getContext()));
  checkStoredTensors(*statistics, type, name);
  return loadFloats(*statistics, name, 0, features);
}

SiteChannels SmoothPass::loadChannels(const std::string &site,
                                      int64_t features) {
  auto load = [&](StringRef kind) {
    return loadStatistic(site, kind, features);
  };
  SiteChannels channels{load("absmax"), load("absmean"), load("mean"),
                        load("min"),    load("max"),     {}};
  if (fixedAlpha)
    return channels;
  auto type = RankedTensorType::get({features, features},
                                    Float32Type::get(&getContext()));
  checkStoredTensors(*statistics, type, getSecondMomentName(site));
  channels.moment = loadFloats(*statistics, getSecondMomentName(site), 0,
                               features * features);
  return channels;
}

/// All rows for maxima, every so many for searches.
WeightRows SmoothPass::loadRows(Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  evaluator->check(weight);
  WeightRows result;
  result.total = type.getDimSize(0);
  int64_t step =
      fixedAlpha ? 1 : std::max<int64_t>(1, result.total / sampledRows);
  if (step == 1)
    return {evaluator->evaluateFloat(weight, {0, result.total}), result.total,
            result.total};
  for (int64_t row = 0; row < result.total; row += step, ++result.rows)
    llvm::append_range(result.values,
                       evaluator->evaluateFloat(weight, {row, 1}));
  return result;
}

FailureOr<SmoothingChoice> SmoothPass::choose(const SmoothSite &site) {
  int64_t features = site.getFeatures();
  std::vector<WeightRows> rows;
  std::vector<QTensorType> types;
  for (Operation *layer : site.site.layers) {
    Value weight = cast<nn::LinearOp>(layer).getWeight();
    rows.push_back(loadRows(weight));
    if (fixedAlpha)
      continue;
    auto type =
        rule.getType(cast<RankedTensorType>(weight.getType()).getShape(),
                     describeParam(weight), layer->getLoc());
    if (failed(type))
      return failure();
    types.push_back(*type);
  }
  std::vector<int64_t> groups;
  for (int64_t k = 0; k < features; ++k)
    groups.push_back(site.getProducerFeature(k));
  SmoothScales scales(loadChannels(site.site.name, features), std::move(rows),
                      std::move(groups), site.getProducerFeatures());
  scales.setFormats(std::move(types), activationBits);
  if (fixedAlpha)
    return scales.smoothQuant(*fixedAlpha);
  if (method == "smoothquant")
    return scales.searchSmoothQuant();
  if (method == "awq")
    return scales.searchAWQ();
  return scales.searchShiftAndScale(site.canShift());
}

LogicalResult SmoothPass::run() {
  ModuleOp module = getOperation();
  if (failed(makeFormat()))
    return failure();
  auto params = module->getAttrOfType<StringAttr>("qnt.params");
  auto file = module->getAttrOfType<StringAttr>("qnt.statistics");
  if (!params)
    return error() << "the module has no qnt.params that names a parameter "
                      "store";
  if (!file)
    return error()
           << "the module has no qnt.statistics; run qnt-calibrate with "
              "tensors= first";
  store = params::ParamStore::open(params.str());
  statistics = openStatisticsTensors(file.str());
  evaluator = std::make_shared<ParamEvaluator>(*store, statistics.get());
  for (const SmoothSite &site : collectSmoothSites(module)) {
    if (method == "none" || !isChosen(site))
      continue;
    auto choice = choose(site);
    if (failed(choice))
      return failure();
    remark::passed(site.site.layers.front()->getLoc(),
                   remark::RemarkOpts::name("smooth").category("qnt-smooth"))
        << remark::metric("site", site.site.name)
        << remark::metric("parameter", float(choice->parameter));
    applySmoothing(site, choice->scale, choice->shift);
  }
  if (keys) {
    SmallVector<KeySite> keySites = collectKeySites(module);
    if (keySites.empty())
      return error() << "keys: no attention keeps its keys in a cache";
    for (KeySite &site : keySites) {
      nn::AttentionOp op = site.attention;
      int64_t features = op.getKey().getType().getShape().back();
      bool isBefore =
          smoothKeys(op, loadStatistic(site.name, "absmax", features));
      remark::passed(op->getLoc(),
                     remark::RemarkOpts::name("keys").category("qnt-smooth"))
          << remark::metric("site", site.name)
          << remark::metric("before_rope", isBefore);
    }
  }
  // They speak of values that are no more.
  module->removeAttr("qnt.statistics");
  module->removeAttr("qnt.calibration");
  return success();
}
