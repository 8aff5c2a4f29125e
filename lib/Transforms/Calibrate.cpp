//===- Calibrate.cpp - ranges of activations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ConvPatches.h"
#include "PassErrors.h"
#include "QuantizeRules.h"
#include "StatisticsCollector.h"
#include "StatisticsTensors.h"
#include "StoredWeights.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/RangeStatistics.h"
#include "qnt/Support/MappedFile.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FileSystem.h"

namespace qnt {
#define GEN_PASS_DEF_CALIBRATE
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
class CalibratePass : public qnt::impl::CalibrateBase<CalibratePass> {
public:
  CalibratePass() = default;
  explicit CalibratePass(CalibrateOptions options,
                         std::shared_ptr<ModelRunner> runner = nullptr)
      : CalibrateBase(std::move(options)), runner(std::move(runner)) {}

  void runOnOperation() override {
    if (failed(reportErrors(getOperation(), getArgument(),
                            [&] { return calibrate(); })))
      signalPassFailure();
  }

private:
  InFlightDiagnostic error() {
    return getOperation().emitError("qnt-calibrate: ");
  }
  LogicalResult calibrate();
  FailureOr<StatisticsMap> collect();
  ClipRange chooseRange(const RangeStatistics &site, QTensorType type);
  ClipRange chooseSiteRange(const ActivationSite &site,
                            const RangeStatistics &seen, QTensorType type);
  LogicalResult checkTensors();

  std::shared_ptr<ModelRunner> runner;
};
} // namespace

/// Runs a copy of the module with an observer at every site.
FailureOr<StatisticsMap> CalibratePass::collect() {
  if (!runner)
    return error() << "nothing here can run the model; give statistics=FILE";
  if (samples.empty())
    return error() << "expected samples=FILE or statistics=FILE";
  OwningOpRef<ModuleOp> copy(getOperation().clone());
  StatisticsCollector::Options wanted;
  wanted.samples = samples;
  wanted.tensors = tensors;
  wanted.work = work;
  wanted.sequential = sequential;
  auto observe = [&](Value value, StringRef name) {
    OpBuilder builder(*copy);
    builder.setInsertionPointAfterValue(value);
    ObserveOp::create(builder, value.getLoc(), value.getType(), value, name);
  };
  for (ActivationSite &site : collectActivationSites(*copy, integers)) {
    for (Value value : site.values)
      observe(value, site.name);
    if (moments && llvm::any_of(site.layers, llvm::IsaPred<nn::LinearOp>))
      wanted.moments[site.name] = {1, 1};
    for (Operation *layer : site.layers) {
      auto conv = dyn_cast<nn::ConvOp>(layer);
      if (!conv || tensors.empty())
        continue;
      OpBuilder builder(*copy);
      builder.setInsertionPointAfter(conv);
      std::string name = getPatchesName(site, conv);
      observe(createPatches(builder, conv), name);
      // What layers see again of other sites has no range of its own.
      wanted.channelsOnly.insert(name);
      ArrayRef<int64_t> weight = conv.getWeight().getType().getShape();
      wanted.moments[name] = {moments ? int64_t(conv.getGroups()) : 0,
                              weight[1] * weight[2]};
    }
  }
  if (keys)
    for (KeySite &site : collectKeySites(*copy))
      observe(site.attention.getKey(), site.name);
  RunOptions options;
  options.blocks = blocks;
  options.spill = spill * (int64_t(1) << 20);
  options.work = work;
  options.sequential = sequential;
  options.key = "tensors=" + std::to_string(!tensors.empty()) +
                " moments=" + std::to_string(moments) +
                " keys=" + std::to_string(keys) +
                " integers=" + std::to_string(integers);
  StatisticsCollector collector(getOperation(), std::move(wanted));
  if (failed(runner->run(*copy, {samples, count, seed}, options, collector)))
    return failure();
  collector.finish();
  return collector.getStatistics();
}

ClipRange CalibratePass::chooseRange(const RangeStatistics &site,
                                     QTensorType type) {
  if (range == "minmax")
    return site.getMinMax();
  if (range == "percentile")
    return site.getPercentile(percentile);
  if (range == "entropy")
    return site.getLeastDivergence(int64_t(1)
                                   << (type.getFormat().getBits() - 1));
  return site.getLeastError(type);
}

/// Codes of 16 bits have room for twice what was seen.
ClipRange CalibratePass::chooseSiteRange(const ActivationSite &site,
                                         const RangeStatistics &seen,
                                         QTensorType type) {
  if (site.bits == 16) {
    ClipRange range = seen.getMinMax();
    return {2 * range.low, 2 * range.high};
  }
  if (site.bits)
    type = getActivationType(getSiteFormat(site, &getContext()), {1},
                             BlockKind::PerTensor);
  return chooseRange(seen, type);
}

static Location getLocation(const ActivationSite &site) {
  return site.layers.empty() ? site.values.front().getLoc()
                             : site.layers.front()->getLoc();
}

/// That a file of an earlier run has what this one was asked for.
LogicalResult CalibratePass::checkTensors() {
  auto store = openStatisticsTensors(tensors);
  auto check = [&](StringRef site, bool wantsMoment) -> LogicalResult {
    std::string name = wantsMoment ? getSecondMomentName(site)
                                   : getChannelStatisticName(site, "absmax");
    if (store->find(name))
      return success();
    return error() << tensors << ": nothing of '" << site
                   << "': expected the tensor '" << name << "'";
  };
  for (ActivationSite &site :
       collectActivationSites(getOperation(), integers)) {
    bool hasLinear = llvm::any_of(site.layers, llvm::IsaPred<nn::LinearOp>);
    if (failed(check(site.name, moments && hasLinear)))
      return failure();
    for (Operation *layer : site.layers)
      if (isa<nn::ConvOp>(layer) &&
          failed(check(getPatchesName(site, layer), moments)))
        return failure();
  }
  if (keys)
    for (KeySite &site : collectKeySites(getOperation()))
      if (failed(check(site.name, /*wantsMoment=*/false)))
        return failure();
  return success();
}

LogicalResult CalibratePass::calibrate() {
  ModuleOp module = getOperation();
  if ((moments || keys) && tensors.empty())
    return error() << "expected tensors=FILE with "
                   << (moments ? "moments" : "keys");
  if (!llvm::is_contained({"minmax", "percentile", "mse", "entropy"}, range))
    return error() << "range=" << range
                   << ": expected minmax, percentile, mse or entropy";
  if (!(percentile > 0 && percentile <= 100))
    return error() << "percentile=" << percentile
                   << ": expected more than 0 and at most 100";
  if (sequential && (!moments || work.empty()))
    return error() << "expected moments and work=FOLDER with sequential";
  if (spill < 0)
    return error() << "spill=" << spill << ": expected at least 0";
  ActivationFormat encoding =
      parseFloatOrActivationFormat(format, &getContext());
  if (!encoding.format || encoding.group)
    return error() << "format=" << format
                   << ": expected int4 to int8, uint4 to uint8, e4m3 or e5m2";
  openStoredWeights(module);
  FailureOr<StatisticsMap> statistics =
      statisticsFile.empty() ? collect() : StatisticsFile::read(statisticsFile);
  if (failed(statistics))
    return failure();
  QTensorType type = getActivationType(encoding, {1}, BlockKind::PerTensor);
  Builder builder(&getContext());
  NamedAttrList ranges;
  for (ActivationSite &site : collectActivationSites(module, integers)) {
    auto found = statistics->find(site.name);
    if (found == statistics->end() || !found->second.getCount())
      return error() << (statisticsFile.empty() ? samples : statisticsFile)
                     << ": nothing was seen at '" << site.name << "'";
    ClipRange chosen = chooseSiteRange(site, found->second, type);
    remark::passed(getLocation(site),
                   remark::RemarkOpts::name("range").category("qnt-calibrate"))
        << remark::metric("site", site.name)
        << remark::metric("low", chosen.low)
        << remark::metric("high", chosen.high);
    ranges.set(site.name,
               builder.getDenseF32ArrayAttr({chosen.low, chosen.high}));
  }
  if (!output.empty())
    StatisticsFile::write(output, *statistics);
  if (!tensors.empty()) {
    if (!statisticsFile.empty() && failed(checkTensors()))
      return failure();
    module->setAttr("qnt.statistics", builder.getStringAttr(tensors));
  }
  if (statisticsFile.empty() && !work.empty())
    (void)llvm::sys::fs::remove_directories(work);
  module->setAttr("qnt.calibration", ranges.getDictionary(&getContext()));
  return success();
}

std::unique_ptr<Pass>
qnt::createCalibrate(CalibrateOptions options,
                     std::shared_ptr<ModelRunner> runner) {
  return std::make_unique<CalibratePass>(std::move(options), std::move(runner));
}
