//===- SplitOutliers.cpp - large channels in 16 bits -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "OutlierColumns.h"
#include "ParamStorage.h"
#include "PassErrors.h"
#include "QuantizeRules.h"
#include "StatisticsTensors.h"
#include "StoredWeights.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ParamExpressions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseSet.h"

namespace qnt {
#define GEN_PASS_DEF_SPLITOUTLIERS
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
class SplitOutliersPass
    : public qnt::impl::SplitOutliersBase<SplitOutliersPass> {
public:
  using SplitOutliersBase::SplitOutliersBase;

  void runOnOperation() override {
    if (failed(
            reportErrors(getOperation(), getArgument(), [&] { return run(); })))
      signalPassFailure();
  }

private:
  InFlightDiagnostic error() {
    return getOperation().emitError("qnt-split-outliers: ");
  }
  LogicalResult run();
  LogicalResult split(const ActivationSite &site,
                      ArrayRef<nn::LinearOp> layers);
  SmallVector<float> loadLargest(const ActivationSite &site, int64_t features);

  std::shared_ptr<params::ParamStore> statistics;
};
} // namespace

SmallVector<float> SplitOutliersPass::loadLargest(const ActivationSite &site,
                                                  int64_t features) {
  std::string name = getChannelStatisticName(site.name, "absmax");
  auto type =
      RankedTensorType::get({features}, Float32Type::get(&getContext()));
  checkStoredTensors(*statistics, type, name);
  return llvm::to_vector(loadFloats(*statistics, name, 0, features));
}

LogicalResult SplitOutliersPass::split(const ActivationSite &site,
                                       ArrayRef<nn::LinearOp> layers) {
  nn::LinearOp front = layers.front();
  Value input = front.getInput();
  auto type = cast<RankedTensorType>(input.getType());
  int64_t features = type.getShape().back();
  if (channels >= features)
    return front.emitError("qnt-split-outliers: channels=")
           << int64_t(channels) << ": expected fewer than the layer's "
           << features << " inputs";
  SmallVector<int32_t> chosen =
      findLargest(loadLargest(site, features), channels);
  SmallVector<float> rest(features, 1.0f);
  for (int32_t channel : chosen)
    rest[channel] = 0;

  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(input);
  auto locate = [&](const Twine &name) {
    return NameLoc::get(builder.getStringAttr(name));
  };
  auto addConstant = [&](Type element, auto numbers) -> Value {
    auto type = RankedTensorType::get(int64_t(numbers.size()), element);
    return arith::ConstantOp::create(builder, locate(site.name + ".outliers"),
                                     DenseElementsAttr::get(type, numbers));
  };
  Value mask = addConstant(builder.getF32Type(), ArrayRef<float>(rest));
  Value indices = addConstant(builder.getI32Type(), ArrayRef<int32_t>(chosen));
  Value small = nn::MulOp::create(builder, locate(site.name + ".rest"), type,
                                  input, mask);
  Value large = nn::SelectFeaturesOp::create(
      builder, locate(site.name + ".outliers"), input, indices);
  for (nn::LinearOp layer : layers) {
    builder.setInsertionPoint(layer);
    Value weight = layer.getWeight();
    Location loc = weight.getLoc();
    Value columns = nn::SelectFeaturesOp::create(builder, loc, weight, indices);
    auto exact = nn::LinearOp::create(
        builder, locate(getLocationName(layer.getLoc()) + ".outliers"), large,
        columns, Value());
    exact->setAttr(weightsFormatAttr, builder.getStringAttr(format));
    Value others =
        nn::MulOp::create(builder, loc, weight.getType(), weight, mask);
    layer.getInputMutable().assign(small);
    layer.getWeightMutable().assign(others);
    builder.setInsertionPointAfter(layer);
    Value result = layer.getResult();
    auto sum = nn::AddOp::create(builder, layer.getLoc(), result.getType(),
                                 result, exact);
    result.replaceAllUsesExcept(sum, sum);
  }
  remark::passed(
      front.getLoc(),
      remark::RemarkOpts::name("outliers").category("qnt-split-outliers"))
      << remark::metric("site", site.name)
      << remark::metric("layers", unsigned(layers.size()));
  return success();
}

LogicalResult SplitOutliersPass::run() {
  ModuleOp module = getOperation();
  if (channels < 1)
    return error() << "channels=" << int64_t(channels)
                   << ": expected at least 1";
  if (format != "bf16" && format != "f16" && format != "f32")
    return error() << "format=" << format << ": expected bf16, f16 or f32";
  auto file = module->getAttrOfType<StringAttr>("qnt.statistics");
  if (!file)
    return error() << "the module has no qnt.statistics; run qnt-calibrate "
                      "with tensors= first";
  statistics = openStatisticsTensors(file.str());
  auto kept =
      parseKeepRules("keep", SmallVector<std::string>(keep.begin(), keep.end()),
                     [&] { return error(); });
  if (failed(kept))
    return failure();
  llvm::DenseSet<Operation *> skipped;
  if (!heads)
    skipped.insert_range(collectHeads(module));
  openStoredWeights(module);
  for (const ActivationSite &site : collectActivationSites(module)) {
    SmallVector<nn::LinearOp> layers;
    for (Operation *op : site.layers) {
      auto layer = dyn_cast<nn::LinearOp>(op);
      if (!layer)
        return op->emitError(
                   "qnt-split-outliers: expected linear layers, got '")
               << op->getName() << "'";
      std::string parameter = getParamName(layer.getWeight()).str();
      if (skipped.contains(layer) ||
          isNamed(*kept, parameter, getLocationName(layer.getLoc())))
        continue;
      if (getStoredWeight(layer.getWeight()))
        return layer.emitError("qnt-split-outliers: '")
               << parameter << "' is quantised already";
      layers.push_back(layer);
    }
    if (!layers.empty() && failed(split(site, layers)))
      return failure();
  }
  // They speak of values that are no more.
  module->removeAttr("qnt.statistics");
  module->removeAttr("qnt.calibration");
  return success();
}
