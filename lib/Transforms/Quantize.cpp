//===- Quantize.cpp - quantised weights and activations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ConvPatches.h"
#include "InputStatistics.h"
#include "LayerRules.h"
#include "LowRankBranch.h"
#include "OutlierColumns.h"
#include "PassErrors.h"
#include "RetypeCaches.h"
#include "StatisticsTensors.h"
#include "StoredWeights.h"

#include "qnt/Analysis/ImageSites.h"
#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>

namespace qnt {
#define GEN_PASS_DEF_QUANTIZE
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
class QuantizePass : public qnt::impl::QuantizeBase<QuantizePass> {
public:
  QuantizePass() : costModel(std::make_shared<CostModel>()) {}
  explicit QuantizePass(QuantizeOptions options,
                        std::shared_ptr<const CostModel> costModel =
                            std::make_shared<CostModel>())
      : QuantizeBase(std::move(options)), costModel(std::move(costModel)) {}

  void runOnOperation() override {
    if (failed(
            reportErrors(getOperation(), getArgument(), [&] { return run(); })))
      signalPassFailure();
  }

private:
  LogicalResult run();
  QuantizeOptions getOptions() const;
  LogicalResult quantizeSite(ActivationSite &site);
  LogicalResult quantizeWhole(func::FuncOp function,
                              ArrayRef<ActivationSite> sites);
  LogicalResult encodeValues(const ActivationSite &site,
                             const ActivationFormat &format);
  FailureOr<ActivationFormat> chooseFormat(const ActivationSite &site);
  LogicalResult quantizeLayer(Operation *layer, const WeightRule &rule,
                              Value input, StringRef site);
  LogicalResult quantizeEmbedding(nn::EmbeddingOp embedding);
  FailureOr<Value> quantizeWeight(OpBuilder &builder, const WeightRule &rule,
                                  Value weight, StringRef site = {},
                                  int64_t groups = 1);
  FailureOr<OutlierColumns> chooseOutliers(Operation *layer, StringRef site,
                                           int64_t count);
  LogicalResult addLowRank(OpBuilder &builder, Operation *layer, Value weight,
                           StringRef site, SmallVectorImpl<Value> &extra,
                           SmallVectorImpl<Attribute> &steps);
  FailureOr<Value> quantizeInput(const WeightRule &rule,
                                 const ActivationSite &site);
  FailureOr<std::pair<float, float>> getRange(const ActivationSite &site);
  LogicalResult createScales(OpBuilder &builder, const ActivationSite &site,
                             QTensorType type, Value &scale, Value &zero);

  std::shared_ptr<const CostModel> costModel;
  LayerRules rules;
  /// With the second moments that errors of low rank are weighed by, and
  /// columns in 16 bits chosen; null without. Opened when first asked for.
  const params::ParamStore *getStatistics();
  std::shared_ptr<params::ParamStore> statistics;
  /// The parameters that were quantised already and are so again.
  llvm::SetVector<StringRef> requantized;
};
} // namespace

QuantizeOptions QuantizePass::getOptions() const {
  QuantizeOptions options;
  options.integers = integers;
  options.weights = weights;
  options.group = group;
  options.scale = scale;
  options.weightsZero = weightsZero;
  options.clip = clip;
  options.rounding = rounding;
  options.actOrder = actOrder;
  options.damp = damp;
  options.correctBiases = correctBiases;
  options.lowRank = lowRank;
  options.activations = activations;
  options.per = per;
  options.head = head;
  options.headGroup = headGroup;
  options.embedding = embedding;
  options.floats = floats;
  options.keep.assign(keep.begin(), keep.end());
  if (simulate) {
    options.activations = options.embedding = "none";
    options.per = "token";
    options.floats = "f32";
    if (options.head != "same")
      options.head = "none";
  }
  return options;
}

const params::ParamStore *QuantizePass::getStatistics() {
  auto file = getOperation()->getAttrOfType<StringAttr>("qnt.statistics");
  if (!statistics && file)
    statistics = openStatisticsTensors(file.str());
  return statistics.get();
}

LogicalResult QuantizePass::run() {
  ModuleOp module = getOperation();
  openStoredWeights(module);
  auto made = LayerRules::make(module, getOptions(), costModel);
  if (failed(made))
    return failure();
  rules = std::move(*made);
  statistics = nullptr;
  StringRef cache = rules.getAllocatedCache();
  if (cache.empty())
    cache = simulate ? StringRef("same") : StringRef(kv);
  if (failed(retypeCaches(module, cache)))
    return failure();
  requantized.clear();
  llvm::DenseSet<Operation *> images;
  for (auto function : module.getOps<func::FuncOp>()) {
    bool isOfImages = hasConvolutions(function);
    if (!isOfImages && !integers)
      continue;
    images.insert(function);
    if (failed(quantizeWhole(function, isOfImages
                                           ? collectImageSites(function)
                                           : collectBlockSites(function))))
      return failure();
  }
  // Sites without a layer are of images.
  for (ActivationSite &site : collectActivationSites(module))
    if (!site.layers.empty() &&
        !images.contains(
            site.layers.front()->getParentOfType<func::FuncOp>()) &&
        failed(quantizeSite(site)))
      return failure();
  SmallVector<nn::EmbeddingOp> embeddings;
  module.walk([&](nn::EmbeddingOp op) { embeddings.push_back(op); });
  for (nn::EmbeddingOp embedding : embeddings)
    if (failed(quantizeEmbedding(embedding)))
      return failure();
  if (!requantized.empty())
    module.emitWarning("qnt-quantize: ")
        << requantized.size()
        << " parameters were quantised already and lose precision again, the "
           "first is '"
        << requantized.front() << "'";
  rules.reportUnused(module);
  return success();
}

FailureOr<Value> QuantizePass::quantizeWeight(OpBuilder &builder,
                                              const WeightRule &rule,
                                              Value weight, StringRef site,
                                              int64_t groups) {
  if (Value stored = getStoredWeight(weight)) {
    if (rule.keepsStored)
      return stored;
    requantized.insert(getParamName(weight));
  }
  auto shape = cast<RankedTensorType>(weight.getType()).getShape();
  auto type = rule.getType(shape, describeParam(weight), weight.getLoc());
  if (failed(type))
    return failure();
  remark::passed(weight.getLoc(),
                 remark::RemarkOpts::name("weight").category("qnt-quantize"))
      << remark::metric("tensor", getParamName(weight).str())
      << remark::metric("type", Type(*type));
  if (!rule.format.isScaled())
    return QuantizeOp::create(builder, weight.getLoc(), *type, weight, Value(),
                              Value())
        .getResult();
  Value moment;
  if (rule.needsMoment()) {
    auto loaded = loadMoment(builder, weight, site, groups);
    if (failed(loaded))
      return failure();
    moment = *loaded;
  }
  bool isGPTQ = rule.rounding == Rounding::GPTQ;
  return QuantizeOp::create(builder, weight.getLoc(), *type, weight, Value(),
                            Value(), moment, rule.clip, rule.rounding,
                            isGPTQ && actOrder,
                            llvm::APFloat(isGPTQ ? damp : 0.0))
      .getResult();
}

/// The f32 scalar `value`, a parameter named `name`.
static Value createScalar(OpBuilder &builder, float value, StringRef name) {
  auto type = RankedTensorType::get({}, builder.getF32Type());
  return arith::ConstantOp::create(builder,
                                   NameLoc::get(builder.getStringAttr(name)),
                                   DenseElementsAttr::get(type, value));
}

FailureOr<std::pair<float, float>>
QuantizePass::getRange(const ActivationSite &site) {
  auto fail = [&](const char *what) {
    return emitError(site.values.front().getLoc())
           << "qnt-quantize: per=tensor: " << what << " '" << site.name
           << "'; run qnt-calibrate first";
  };
  auto all = getOperation()->getAttrOfType<DictionaryAttr>("qnt.calibration");
  if (!all)
    return fail("the module has no qnt.calibration to give a range to");
  auto range = all.getAs<DenseF32ArrayAttr>(site.name);
  if (!range)
    return fail("qnt.calibration has no range for");
  ArrayRef<float> ends = range.asArrayRef();
  if (ends.size() != 2 || !std::isfinite(ends[0]) || !std::isfinite(ends[1]) ||
      ends[0] > ends[1])
    return fail("qnt.calibration has no [minimum, maximum] for");
  return std::pair(ends[0], ends[1]);
}

/// The scale and zero point of a static range, as parameters of the site.
LogicalResult QuantizePass::createScales(OpBuilder &builder,
                                         const ActivationSite &site,
                                         QTensorType type, Value &scale,
                                         Value &zero) {
  auto range = getRange(site);
  if (failed(range))
    return failure();
  BlockParams params =
      chooseScale(type, ClipMethod::AbsMax, {range->first, range->second});
  scale = createScalar(builder, params.scale, site.name + ".input.scale");
  if (type.hasZeros())
    zero = createScalar(builder, params.zero, site.name + ".input.zero");
  return success();
}

static void remarkActivation(Location loc, const ActivationSite &site,
                             QTensorType type) {
  remark::passed(
      loc, remark::RemarkOpts::name("activation").category("qnt-quantize"))
      << remark::metric("site", site.name) << remark::metric("type", Type(type))
      << remark::metric("consumers", unsigned(site.layers.size()));
}

FailureOr<Value> QuantizePass::quantizeInput(const WeightRule &rule,
                                             const ActivationSite &site) {
  Value value = site.values.front();
  auto shape = cast<RankedTensorType>(value.getType()).getShape();
  QTensorType type = rule.getInputType(shape, rules.isPerTensor());
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(value);
  auto loc = NameLoc::get(builder.getStringAttr(site.name + ".input"));
  remarkActivation(loc, site, type);
  Value scale, zero;
  if (rules.isPerTensor() &&
      failed(createScales(builder, site, type, scale, zero)))
    return failure();
  return QuantizeOp::create(builder, loc, type, value, scale, zero,
                            ClipMethod::AbsMax)
      .getResult();
}

/// Makes what the weight of `layer` lacks a step of its epilogue.
LogicalResult QuantizePass::addLowRank(OpBuilder &builder, Operation *layer,
                                       Value weight, StringRef site,
                                       SmallVectorImpl<Value> &extra,
                                       SmallVectorImpl<Attribute> &steps) {
  auto linear = dyn_cast<nn::LinearOp>(layer);
  if (!linear)
    return layer->emitError("qnt-quantize: low-rank is for linear layers");
  Value moment;
  if (getStatistics() && statistics->find(getSecondMomentName(site))) {
    auto loaded = loadMoment(builder, linear.getWeight(), site, /*groups=*/1);
    if (failed(loaded))
      return failure();
    moment = *loaded;
  }
  auto branch = createLowRankBranch(builder, linear, weight, moment, lowRank);
  if (failed(branch))
    return failure();
  extra.push_back(*branch);
  steps.push_back(EpilogueKindAttr::get(&getContext(), EpilogueKind::Add));
  return success();
}

FailureOr<OutlierColumns>
QuantizePass::chooseOutliers(Operation *layer, StringRef site, int64_t count) {
  auto linear = dyn_cast<nn::LinearOp>(layer);
  if (!linear)
    return layer->emitError("qnt-quantize: ")
           << describeParam(layer->getOperand(1))
           << ": columns in 16 bits are for linear layers";
  if (getStoredWeight(linear.getWeight()))
    requantized.insert(getParamName(linear.getWeight()));
  return OutlierColumns::choose(linear, site, count, getStatistics());
}

/// The layer in floats, on what `weight` decodes to and `rest`, if any, beside
/// it; `extra` are its bias, if any, and what is added to its result.
static void simulateLayer(OpBuilder &builder, Operation *layer, Value weight,
                          Value rest, Value bias, ArrayRef<Value> extra) {
  Type floats = layer->getOperand(1).getType();
  Value decoded =
      DequantizeOp::create(builder, layer->getLoc(), floats, weight);
  if (rest)
    decoded =
        nn::AddOp::create(builder, layer->getLoc(), floats, decoded, rest);
  layer->setOperand(1, decoded);
  if (bias) {
    if (auto linear = dyn_cast<nn::LinearOp>(layer))
      linear.getBiasMutable().assign(bias);
    else
      cast<nn::ConvOp>(layer).getBiasMutable().assign(bias);
    extra = extra.drop_front();
  }
  builder.setInsertionPointAfter(layer);
  for (Value term : extra) {
    Value result = layer->getResult(0);
    auto sum = nn::AddOp::create(builder, layer->getLoc(), result.getType(),
                                 result, term);
    result.replaceAllUsesExcept(sum, sum);
  }
}

/// The layer on a quantised weight and `input`, with its bias as an epilogue;
/// `site` is what statistics of its inputs go by.
LogicalResult QuantizePass::quantizeLayer(Operation *layer,
                                          const WeightRule &rule, Value input,
                                          StringRef site) {
  OpBuilder builder(layer);
  auto linear = dyn_cast<nn::LinearOp>(layer);
  auto conv = dyn_cast<nn::ConvOp>(layer);
  auto type = cast<RankedTensorType>(layer->getResult(0).getType());
  if (!type.getElementType().isF32())
    return layer->emitOpError("expected f32 activations, got ") << type;
  // What codes leave of the weight, and in floats of the result.
  Value restOfWeight, restOfResult;
  if (rule.outliers) {
    auto outliers = chooseOutliers(layer, site, rule.outliers);
    if (failed(outliers))
      return failure();
    if (simulate)
      restOfWeight = outliers->splitSimulated(builder, linear);
    else
      restOfResult = outliers->split(builder, linear);
  }
  Value floats = linear ? linear.getWeight() : conv.getWeight();
  int64_t groups = conv ? conv.getGroups() : 1;
  auto weight = quantizeWeight(builder, rule, floats, site, groups);
  if (failed(weight))
    return failure();
  SmallVector<Value> extra;
  SmallVector<Attribute> steps;
  Value bias = linear ? linear.getBias() : conv.getBias();
  if (correctBiases && rule.getsCodes()) {
    auto corrected =
        createCorrectedBias(builder, bias, floats, *weight, groups, site);
    if (failed(corrected))
      return failure();
    bias = *corrected;
  }
  if (bias) {
    extra.push_back(bias);
    steps.push_back(EpilogueKindAttr::get(&getContext(), EpilogueKind::Bias));
  }
  if (restOfResult) {
    extra.push_back(restOfResult);
    steps.push_back(EpilogueKindAttr::get(&getContext(), EpilogueKind::Add));
  }
  if (lowRank && rule.format.isScaled() && !rule.keepsStored &&
      failed(addLowRank(builder, layer, *weight, site, extra, steps)))
    return failure();
  if (simulate && rule.getsCodes()) {
    simulateLayer(builder, layer, *weight, restOfWeight, bias, extra);
    return success();
  }
  ArrayAttr epilogue = builder.getArrayAttr(steps);
  Value result;
  if (linear)
    result = LinearOp::create(builder, layer->getLoc(), input, *weight, extra,
                              epilogue, Strategy());
  else
    result =
        ConvOp::create(builder, layer->getLoc(), type, input, *weight, extra,
                       conv.getStrides(), conv.getPads(), conv.getDilations(),
                       conv.getGroups(), epilogue, ConvStrategyAttr());
  layer->getResult(0).replaceAllUsesWith(result);
  layer->erase();
  return success();
}

/// The layers of a site on what the codes decode to that qnt.allocation gives
/// their input.
static void simulateInput(const ActivationSite &site,
                          const ActivationFormat &format) {
  Value value = site.values.front();
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  auto type = cast<RankedTensorType>(value.getType());
  auto codes = QuantizeOp::create(
      builder, value.getLoc(),
      getActivationType(format, type.getShape(), BlockKind::PerRow), value,
      Value(), Value(), ClipMethod::AbsMax);
  Value decoded = DequantizeOp::create(builder, value.getLoc(), type, codes);
  for (Operation *layer : site.layers)
    layer->setOperand(0, decoded);
}

LogicalResult QuantizePass::quantizeSite(ActivationSite &site) {
  llvm::DenseMap<Attribute, Value> inputs;
  // The layer that makes the value may have been replaced since.
  site.values = {cast<nn::LinearOp>(site.layers.front()).getInput()};
  if (auto format = rules.getAllocatedInput(site.layers.front());
      simulate && format && format->format)
    simulateInput(site, *format);
  for (Operation *layer : site.layers) {
    WeightRule rule = rules.getRule(layer);
    if (!rule.format)
      continue;
    Value input = cast<nn::LinearOp>(layer).getInput();
    if (rule.activation.format && !simulate) {
      Value &shared = inputs[rule.activation.format];
      if (!shared) {
        auto quantized = quantizeInput(rule, site);
        if (failed(quantized))
          return failure();
        shared = *quantized;
      }
      input = shared;
    }
    if (failed(quantizeLayer(layer, rule, input, site.name)))
      return failure();
  }
  return success();
}

/// Quantises the values of a site, once for all who use them.
LogicalResult QuantizePass::encodeValues(const ActivationSite &site,
                                         const ActivationFormat &format) {
  OpBuilder builder(&getContext());
  Value scale, zero;
  for (Value value : site.values) {
    auto shape = cast<RankedTensorType>(value.getType()).getShape();
    QTensorType type = getActivationType(format, shape, BlockKind::PerTensor);
    auto loc = NameLoc::get(builder.getStringAttr(site.name + ".input"));
    if (!scale) {
      builder.setInsertionPointToStart(value.getParentBlock());
      if (failed(createScales(builder, site, type, scale, zero)))
        return failure();
      remarkActivation(loc, site, type);
    }
    builder.setInsertionPointAfterValue(value);
    if (auto *op = value.getDefiningOp(); !op)
      builder.setInsertionPointAfterValue(zero ? zero : scale);
    auto codes = QuantizeOp::create(builder, loc, type, value, scale, zero,
                                    ClipMethod::AbsMax);
    Value decoded = DequantizeOp::create(builder, loc, value.getType(), codes);
    value.replaceUsesWithIf(decoded, [&](OpOperand &use) {
      return use.getOwner() != codes && !isa<tensor::DimOp>(use.getOwner());
    });
  }
  return success();
}

/// How the values of a site are encoded; a null format: they are not.
FailureOr<ActivationFormat>
QuantizePass::chooseFormat(const ActivationSite &site) {
  Value value = site.values.front();
  bool isOfImages = hasConvolutions(
      cast<func::FuncOp>(value.getParentRegion()->getParentOp()));
  if (site.bits)
    return getSiteFormat(site, &getContext());
  ActivationFormat format;
  if (isOfImages && site.layers.empty())
    format = rules.getImageFormat();
  for (Operation *layer : site.layers)
    if (WeightRule rule = rules.getRule(layer);
        !format.format && rule.takesCodes())
      format = isOfImages ? rules.getImageFormat() : rule.activation;
  if (!format.format)
    return format;
  StringRef what = isOfImages ? "images" : "integers between layers";
  if (!isa<IntFormatAttr>(format.format))
    return emitError(value.getLoc())
           << "qnt-quantize: " << what << " have codes of integers: expected "
           << "activations of these, or none, got " << format.format.getName();
  if (!rules.isPerTensor())
    return emitError(value.getLoc())
           << "qnt-quantize: per=token: " << what
           << " are quantised per tensor: expected per=tensor, or "
              "activations=none";
  return format;
}

/// A function in which codes flow from layer to layer, and these.
LogicalResult QuantizePass::quantizeWhole(func::FuncOp function,
                                          ArrayRef<ActivationSite> sites) {
  auto takesCodes = [&](const ActivationSite &site) {
    return llvm::any_of(site.layers, [&](Operation *layer) {
      return rules.getRule(layer).takesCodes();
    });
  };
  bool hasCodes = llvm::any_of(sites, takesCodes);
  for (const ActivationSite &site : sites) {
    if (site.bits && !hasCodes)
      continue;
    auto format = chooseFormat(site);
    if (failed(format) ||
        (format->format && failed(encodeValues(site, *format))))
      return failure();
  }
  SmallVector<std::pair<Operation *, std::string>> layers;
  for (const ActivationSite &site : sites)
    for (Operation *layer : site.layers)
      layers.emplace_back(layer, isa<nn::ConvOp>(layer)
                                     ? getPatchesName(site, layer)
                                     : site.name);
  for (const auto &[layer, site] : layers) {
    WeightRule rule = rules.getRule(layer);
    Value input = layer->getOperand(0);
    auto decoded = input.getDefiningOp<DequantizeOp>();
    if (decoded && rule.takesCodes())
      input = decoded.getInput();
    if (rule.format && failed(quantizeLayer(layer, rule, input, site)))
      return failure();
  }
  return success();
}

LogicalResult QuantizePass::quantizeEmbedding(nn::EmbeddingOp embedding) {
  if (!isParamExpression(embedding.getTable()))
    return success();
  WeightRule rule = rules.getRule(embedding);
  if (!rule.format)
    return success();
  if (!embedding.getType().getElementType().isF32())
    return embedding.emitOpError("expected f32 activations, got ")
           << embedding.getType();
  OpBuilder builder(embedding);
  auto table = quantizeWeight(builder, rule, embedding.getTable());
  if (failed(table))
    return failure();
  auto replacement = qnt::EmbeddingOp::create(builder, embedding.getLoc(),
                                              embedding.getIds(), *table);
  embedding.replaceAllUsesWith(replacement.getResult());
  embedding.erase();
  return success();
}

std::unique_ptr<Pass>
qnt::createQuantize(QuantizeOptions options,
                    std::shared_ptr<const CostModel> costModel) {
  if (!costModel)
    costModel = std::make_shared<CostModel>();
  return std::make_unique<QuantizePass>(std::move(options),
                                        std::move(costModel));
}
