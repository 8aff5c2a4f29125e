//===- LayerRules.cpp - how each layer is quantised -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LayerRules.h"

#include "StoredWeights.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Support/Names.h"

using namespace mlir;
using namespace qnt;

FailureOr<LayerRules>
LayerRules::make(ModuleOp module, QuantizeOptions options,
                 std::shared_ptr<const CostModel> costModel) {
  LayerRules made;
  made.options = std::move(options);
  made.costModel = std::move(costModel);
  bool hasStored = false;
  module.walk([&](nn::LinearOp op) {
    hasStored |= bool(getStoredWeight(op.getWeight()));
  });
  auto rules =
      makeQuantizeRules(made.options, *made.costModel,
                        {module->getAttrOfType<DictionaryAttr>(allocationAttr),
                         hasStored, module.getLoc()});
  if (failed(rules))
    return failure();
  made.rules = std::move(*rules);
  for (nn::LinearOp linear : collectHeads(module))
    made.heads.insert(linear);
  if (failed(checkNamedFormats(module)) ||
      failed(made.checkAllocation(module)) ||
      failed(made.findAllocatedInputs(module)))
    return failure();
  made.reportUnmatched(module);
  return made;
}

/// Warns where the activations that are named cannot be multiplied with weights
/// as the model brought them, so that these layers keep floats.
void LayerRules::reportUnmatched(ModuleOp module) {
  if (options.activations == "none" || options.activations == "auto")
    return;
  nn::LinearOp first;
  int64_t count = 0;
  module.walk([&](nn::LinearOp op) {
    WeightRule rule = getWeightRule(op);
    if (!rule.keepsStored || rule.activation.format ||
        rules.isKept(getParamName(op.getWeight()),
                     getLocationName(op->getLoc())))
      return;
    if (count++ == 0)
      first = op;
  });
  if (count)
    module.emitWarning("qnt-quantize: activations=")
        << options.activations << ": " << count
        << " layers keep floats, as their weights, which the model brings, "
           "cannot be multiplied with these; the first is '"
        << getParamName(first.getWeight()) << "', of "
        << getWeightRule(first).format.getName();
}

/// That qnt.allocation names parameters of layers, and none that is kept.
LogicalResult LayerRules::checkAllocation(ModuleOp module) {
  std::vector<std::string> known;
  WalkResult walk = module.walk([&](Operation *op) -> WalkResult {
    if (!isa<nn::LinearOp, nn::ConvOp>(op))
      return WalkResult::advance();
    StringRef name = getParamName(op->getOperand(1));
    known.push_back(name.str());
    if (!rules.allocated.count(name) ||
        !rules.isKept(name, getLocationName(op->getLoc())))
      return WalkResult::advance();
    return op->emitError("qnt-quantize: '")
           << name << "' has a format in " << allocationAttr
           << ", but keep says that it is left alone";
  });
  if (walk.wasInterrupted())
    return failure();
  for (const auto &[name, rule] : rules.allocated)
    if (!llvm::is_contained(known, name))
      return module.emitError("qnt-quantize: ")
             << allocationAttr << ": no layer has the weight '" << name
             << "'; the nearest name is '" << support::findNearest(name, known)
             << "'";
  return success();
}

/// That qnt.allocation names sites of linear layers, whose weights can be
/// multiplied with codes.
LogicalResult LayerRules::findAllocatedInputs(ModuleOp module) {
  if (rules.allocatedInputs.empty())
    return success();
  std::vector<std::string> known;
  for (const ActivationSite &site : collectActivationSites(module)) {
    if (!llvm::all_of(site.layers, llvm::IsaPred<nn::LinearOp>) ||
        site.layers.empty())
      continue;
    known.push_back(site.name + allocatedInputSuffix.str());
    auto allocated = rules.allocatedInputs.find(site.name);
    if (allocated == rules.allocatedInputs.end())
      continue;
    for (Operation *layer : site.layers) {
      NumberFormat weight = getWeightRule(layer).format;
      if (allocated->second.format && weight && weight.isScaled() &&
          !isa<IntFormatAttr>(weight))
        return layer->emitError("qnt-quantize: ")
               << allocationAttr << ": " << known.back() << " = "
               << allocated->second.format.getName() << ", but '"
               << getParamName(layer->getOperand(1)) << "' is "
               << weight.getName()
               << ": integer activations need integer weights";
      inputs[layer] = allocated->second;
    }
  }
  for (const auto &[name, format] : rules.allocatedInputs) {
    std::string entry = name + allocatedInputSuffix.str();
    if (!llvm::is_contained(known, entry))
      return module.emitError("qnt-quantize: ")
             << allocationAttr << ": no linear layers have the input '" << entry
             << "'; the nearest name is '" << support::findNearest(entry, known)
             << "'";
  }
  return success();
}

std::optional<ActivationFormat>
LayerRules::getAllocatedInput(Operation *layer) const {
  auto found = inputs.find(layer);
  if (found == inputs.end())
    return std::nullopt;
  return found->second;
}

/// How a layer runs whose weight stays as the model brought it: with
/// activations that it can be multiplied with where they are asked for.
WeightRule LayerRules::getStoredRule(QTensorType type, bool kept) const {
  WeightRule rule;
  rule.format = type.getFormat();
  rule.keepsStored = true;
  if (kept || options.activations == "none" || !type.hasScale())
    return rule;
  ActivationFormat activation =
      options.activations == "auto"
          ? costModel->preferredActivation(rule.format)
          : parseFloatOrActivationFormat(options.activations,
                                         type.getContext());
  bool isInteger = isa_and_present<IntFormatAttr>(activation.format);
  bool areFloats = isa_and_present<FloatFormatAttr>(activation.format) &&
                   isa<FloatFormatAttr>(rule.format);
  if (type.isInteger() ? isInteger : areFloats)
    rule.activation = activation;
  return rule;
}

WeightRule LayerRules::getRule(Operation *layer) {
  WeightRule rule = getWeightRule(layer);
  auto input = getAllocatedInput(layer);
  if (input && isa_and_present<IntFormatAttr>(rule.format))
    rule.activation = *input;
  return rule;
}

WeightRule LayerRules::getWeightRule(Operation *layer) {
  if (auto name = layer->getAttrOfType<StringAttr>(weightsFormatAttr)) {
    WeightRule rule;
    rule.format = parseFormat(name, layer->getContext());
    return rule;
  }
  auto linear = dyn_cast<nn::LinearOp>(layer);
  Value weight =
      linear ? linear.getWeight() : cast<nn::ConvOp>(layer).getWeight();
  auto allocated = rules.allocated.find(getParamName(weight));
  if (allocated != rules.allocated.end())
    return allocated->second.format ? allocated->second : rules.unquantized;
  bool kept =
      rules.isKept(getParamName(weight), getLocationName(layer->getLoc()));
  const WeightRule &rule = kept                    ? rules.unquantized
                           : heads.contains(layer) ? rules.head
                                                   : rules.linear;
  if (rule.format && !kept)
    return rule;
  if (Value stored = linear ? getStoredWeight(weight) : Value())
    return getStoredRule(cast<QTensorType>(stored.getType()), kept);
  return rules.unquantized;
}

WeightRule LayerRules::getRule(nn::EmbeddingOp embedding) {
  Value table = embedding.getTable();
  bool kept =
      rules.isKept(getParamName(table), getLocationName(embedding.getLoc()));
  bool isOpen = !kept && rules.embedding.format;
  if (Value stored = getStoredWeight(table); stored && !isOpen)
    return getStoredRule(cast<QTensorType>(stored.getType()), kept);
  return isOpen ? rules.embedding : rules.unquantized;
}

void LayerRules::reportUnused(ModuleOp module) const {
  for (const KeepRule &rule : rules.keep)
    if (!rule.used)
      module.emitWarning("qnt-quantize: keep=")
          << rule.pattern << " names no parameter and no layer";
}
