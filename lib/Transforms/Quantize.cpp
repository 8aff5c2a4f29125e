//===- Quantize.cpp - quantised weights and activations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "QuantizeRules.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseSet.h"

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
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run();
  QuantizeOptions getOptions() const;
  LogicalResult quantizeSite(ActivationSite &site);
  LogicalResult quantizeEmbedding(nn::EmbeddingOp embedding);
  FailureOr<Value> quantizeWeight(OpBuilder &builder, const WeightRule &rule,
                                  Value weight);
  FailureOr<Value> quantizeInput(const WeightRule &rule,
                                 const ActivationSite &site);
  FailureOr<std::pair<float, float>> getRange(const ActivationSite &site);

  std::shared_ptr<const CostModel> costModel;
  QuantizeRules rules;
  llvm::DenseSet<Operation *> heads;
};
} // namespace

QuantizeOptions QuantizePass::getOptions() const {
  QuantizeOptions options;
  options.weights = weights;
  options.group = group;
  options.scale = scale;
  options.weightsZero = weightsZero;
  options.clip = clip;
  options.activations = activations;
  options.per = per;
  options.head = head;
  options.headGroup = headGroup;
  options.embedding = embedding;
  options.floats = floats;
  options.keep.assign(keep.begin(), keep.end());
  return options;
}

LogicalResult QuantizePass::run() {
  ModuleOp module = getOperation();
  auto made = makeQuantizeRules(getOptions(), *costModel, module.getLoc());
  if (failed(made))
    return failure();
  rules = std::move(*made);
  heads.clear();
  for (nn::LinearOp linear : collectHeads(module))
    heads.insert(linear);
  for (ActivationSite &site : collectActivationSites(module))
    if (failed(quantizeSite(site)))
      return failure();
  SmallVector<nn::EmbeddingOp> embeddings;
  module.walk([&](nn::EmbeddingOp op) { embeddings.push_back(op); });
  for (nn::EmbeddingOp embedding : embeddings)
    if (failed(quantizeEmbedding(embedding)))
      return failure();
  for (const KeepRule &rule : rules.keep)
    if (!rule.used)
      module.emitWarning("qnt-quantize: keep=")
          << rule.pattern << " names no parameter and no layer";
  return success();
}

FailureOr<Value> QuantizePass::quantizeWeight(OpBuilder &builder,
                                              const WeightRule &rule,
                                              Value weight) {
  auto shape = cast<RankedTensorType>(weight.getType()).getShape();
  auto type = rule.getType(shape, describeParam(weight), weight.getLoc());
  if (failed(type))
    return failure();
  remark::passed(weight.getLoc(),
                 remark::RemarkOpts::name("weight").category("qnt-quantize"))
      << remark::metric("tensor", getParamName(weight).str())
      << remark::metric("type", Type(*type));
  return QuantizeOp::create(builder, weight.getLoc(), *type, weight, Value(),
                            Value(), rule.clip)
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
    return emitError(site.value.getLoc())
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

FailureOr<Value> QuantizePass::quantizeInput(const WeightRule &rule,
                                             const ActivationSite &site) {
  auto shape = cast<RankedTensorType>(site.value.getType()).getShape();
  QTensorType type = rule.getInputType(shape, rules.perTensor);
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(site.value);
  auto loc = NameLoc::get(builder.getStringAttr(site.name + ".input"));
  remark::passed(
      loc, remark::RemarkOpts::name("activation").category("qnt-quantize"))
      << remark::metric("site", site.name) << remark::metric("type", Type(type))
      << remark::metric("consumers", unsigned(site.linears.size()));
  Value scale, zero;
  if (rules.perTensor) {
    auto range = getRange(site);
    if (failed(range))
      return failure();
    BlockParams params =
        chooseScale(type, ClipMethod::AbsMax, {range->first, range->second});
    scale = createScalar(builder, params.scale, site.name + ".input.scale");
    if (type.hasZeros())
      zero = createScalar(builder, params.zero, site.name + ".input.zero");
  }
  return QuantizeOp::create(builder, loc, type, site.value, scale, zero,
                            ClipMethod::AbsMax)
      .getResult();
}

LogicalResult QuantizePass::quantizeSite(ActivationSite &site) {
  llvm::DenseMap<Attribute, Value> inputs;
  // The layer that makes the value may have been replaced since.
  site.value = site.linears.front().getInput();
  for (nn::LinearOp linear : site.linears) {
    StringRef layer = getLocationName(linear.getLoc());
    const WeightRule *rule =
        rules.isKept(getParamName(linear.getWeight()), layer)
            ? &rules.unquantized
        : heads.contains(linear) ? &rules.head
                                 : &rules.linear;
    if (!rule->format)
      rule = &rules.unquantized;
    if (!rule->format)
      continue;
    if (!linear.getType().getElementType().isF32())
      return linear.emitOpError("expected f32 activations, got ")
             << linear.getType();
    OpBuilder builder(linear);
    Value input = linear.getInput();
    if (rule->activation.format) {
      Value &shared = inputs[rule->activation.format];
      if (!shared) {
        auto quantized = quantizeInput(*rule, site);
        if (failed(quantized))
          return failure();
        shared = *quantized;
      }
      input = shared;
    }
    auto weight = quantizeWeight(builder, *rule, linear.getWeight());
    if (failed(weight))
      return failure();
    SmallVector<Value> extra;
    SmallVector<Attribute> epilogue;
    if (Value bias = linear.getBias()) {
      extra.push_back(bias);
      epilogue.push_back(
          EpilogueKindAttr::get(&getContext(), EpilogueKind::Bias));
    }
    auto replacement =
        qnt::LinearOp::create(builder, linear.getLoc(), input, *weight, extra,
                              builder.getArrayAttr(epilogue), StrategyAttr());
    linear.replaceAllUsesWith(replacement.getResult());
    linear.erase();
  }
  return success();
}

LogicalResult QuantizePass::quantizeEmbedding(nn::EmbeddingOp embedding) {
  if (!isParamExpression(embedding.getTable()))
    return success();
  bool kept = rules.isKept(getParamName(embedding.getTable()),
                           getLocationName(embedding.getLoc()));
  const WeightRule &rule =
      kept || !rules.embedding.format ? rules.unquantized : rules.embedding;
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
