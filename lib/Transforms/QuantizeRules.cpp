//===- QuantizeRules.cpp - the options of qnt-quantize, checked -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "QuantizeRules.h"

#include "OutlierColumns.h"

#include "qnt/Dialect/QNT/IntegerForm.h"

using namespace mlir;
using namespace qnt;

FailureOr<QTensorType> WeightRule::getType(ArrayRef<int64_t> shape,
                                           StringRef tensor,
                                           Location loc) const {
  MLIRContext *context = loc.getContext();
  BlockKind kind = !format.isScaled() ? BlockKind::Unscaled
                   : group            ? BlockKind::Group
                                      : BlockKind::PerChannel;
  if (kind == BlockKind::Group && shape.size() != 2)
    return emitError(loc) << tensor << " is the weight of a convolution, which "
                          << "has a scale for each channel: expected group=0, "
                          << "or its name in keep; got groups of " << group;
  if (kind == BlockKind::Group && shape.back() % 16)
    return emitError(loc) << tensor << " has " << shape.back()
                          << " inputs, expected a multiple of 16 for groups of "
                          << group << "; name it in keep, or use group=0";
  auto block =
      BlockAttr::get(context, kind, kind == BlockKind::Group ? group : 0);
  return QTensorType::getChecked(
      [&] { return emitError(loc); }, context, shape, format, block,
      format.isScaled() ? scaleType : Type(),
      format.isScaled() ? zeroKind : ZeroKind::None, Attribute());
}

QTensorType WeightRule::getInputType(ArrayRef<int64_t> shape,
                                     bool perTensor) const {
  return getActivationType(
      activation, shape, perTensor ? BlockKind::PerTensor : BlockKind::PerRow);
}

ActivationFormat qnt::parseActivationFormat(StringRef name,
                                            MLIRContext *context) {
  auto format = dyn_cast_or_null<IntFormatAttr>(parseFormat(name, context));
  if (!format || format.getWidth() < 4 || format.getWidth() > 8)
    return {};
  return {format, !format.getIsSigned()};
}

namespace {
/// Codes, groups and scales that have one name.
struct GroupFormat {
  NumberFormat format;
  int64_t group = 0;
  Type scaleType;
};
} // namespace

/// NVFP4, and MXFP4 of the OCP MX specification; null for other names.
static GroupFormat parseGroupFormat(StringRef name, MLIRContext *context) {
  NumberFormat e2m1 = parseFormat("e2m1", context);
  if (name == "nvfp4")
    return {e2m1, 16, Float8E4M3FNType::get(context)};
  if (name == "mxfp4")
    return {e2m1, 32, Float8E8M0FNUType::get(context)};
  return {};
}

ActivationFormat qnt::parseFloatOrActivationFormat(StringRef name,
                                                   MLIRContext *context) {
  ActivationFormat result;
  if (GroupFormat groups = parseGroupFormat(name, context); groups.format) {
    result.format = groups.format;
    result.group = groups.group;
    result.scaleType = groups.scaleType;
    return result;
  }
  if (name != "e4m3" && name != "e5m2")
    return parseActivationFormat(name, context);
  result.format = parseFormat(name, context);
  return result;
}

ActivationFormat qnt::getSiteFormat(const ActivationSite &site,
                                    MLIRContext *context) {
  return {IntFormatAttr::get(context, site.bits, /*isSigned=*/true),
          /*zeroPoint=*/false};
}

QTensorType qnt::getActivationType(const ActivationFormat &format,
                                   ArrayRef<int64_t> shape, BlockKind kind) {
  MLIRContext *context = format.format.getContext();
  if (format.group)
    return QTensorType::get(
        context, shape, format.format,
        BlockAttr::get(context, BlockKind::Group, format.group),
        format.scaleType, ZeroKind::None, Attribute());
  return QTensorType::get(
      context, shape, format.format, BlockAttr::get(context, kind, 0),
      Float32Type::get(context),
      format.zeroPoint ? ZeroKind::Point : ZeroKind::None, Attribute());
}

bool qnt::isNamed(MutableArrayRef<KeepRule> rules, StringRef parameter,
                  StringRef layer) {
  bool isFound = false;
  for (KeepRule &rule : rules)
    if (rule.regex->match(parameter) || rule.regex->match(layer))
      isFound = rule.used = true;
  return isFound;
}

FailureOr<std::vector<KeepRule>>
qnt::parseKeepRules(StringRef option, ArrayRef<std::string> patterns,
                    llvm::function_ref<InFlightDiagnostic()> error) {
  std::vector<KeepRule> rules;
  for (const std::string &pattern : patterns) {
    KeepRule rule{pattern, std::make_shared<llvm::Regex>(pattern)};
    std::string why;
    if (pattern.empty() || !rule.regex->isValid(why))
      return error() << option << "=" << pattern
                     << ": not a regular expression: " << why;
    rules.push_back(std::move(rule));
  }
  return rules;
}

LogicalResult qnt::checkNamedFormats(ModuleOp module) {
  WalkResult walk = module.walk([](nn::LinearOp op) -> WalkResult {
    Attribute attr = op->getAttr(weightsFormatAttr);
    if (!attr)
      return WalkResult::advance();
    auto name = dyn_cast<StringAttr>(attr);
    NumberFormat format =
        name ? parseFormat(name, op.getContext()) : NumberFormat();
    if (!format || format.isScaled())
      return op.emitError("qnt-quantize: expected f32, f16 or bf16 as ")
             << StringRef(weightsFormatAttr) << ", got " << attr;
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

namespace {
/// Turns strings into rules, with one error for the first that is wrong.
class RuleMaker {
public:
  RuleMaker(const QuantizeOptions &options, const CostModel &costModel,
            const QuantizedModel &model)
      : options(options), costModel(costModel), model(model), loc(model.loc),
        context(loc.getContext()) {}

  FailureOr<QuantizeRules> make();

private:
  InFlightDiagnostic error() { return emitError(loc) << "qnt-quantize: "; }

  LogicalResult parseNamedFormat(StringRef option, StringRef name,
                                 NumberFormat &format);
  LogicalResult makeWeight(StringRef option, StringRef name, int64_t group,
                           WeightRule &rule);
  LogicalResult chooseActivation(StringRef option, WeightRule &rule);
  LogicalResult chooseIntegers(StringRef option, WeightRule &rule);
  LogicalResult makeAllocated(QuantizeRules &rules);
  ActivationFormat chooseImage(const QuantizeRules &rules);

  const QuantizeOptions &options;
  const CostModel &costModel;
  const QuantizedModel &model;
  Location loc;
  MLIRContext *context;
};
} // namespace

LogicalResult RuleMaker::parseNamedFormat(StringRef option, StringRef name,
                                          NumberFormat &format) {
  format = parseFormat(name, context);
  auto integer = dyn_cast_or_null<IntFormatAttr>(format);
  if (!format || (integer && integer.getWidth() > 8))
    return error()
           << option << "=" << name
           << ": unknown number format; expected none, int1 to int8, "
              "uint1 to uint8, ternary, f16, bf16, f32, e<n>m<n>, nvfp4 or "
              "mxfp4";
  return success();
}

/// f16, bf16, f32, or `automatic` for "auto"; null for other words.
static Type parseScaleType(StringRef name, Type automatic) {
  MLIRContext *context = automatic.getContext();
  if (name == "auto")
    return automatic;
  if (name == "f16")
    return Float16Type::get(context);
  if (name == "bf16")
    return BFloat16Type::get(context);
  if (name == "f32")
    return Float32Type::get(context);
  return {};
}

LogicalResult RuleMaker::makeWeight(StringRef option, StringRef name,
                                    int64_t group, WeightRule &rule) {
  if (name == "none")
    return success();
  auto parts = parseWeightFormatName(name);
  if (!parts)
    return error() << option << "=" << name
                   << ": expected a number of input features above 0 behind +";
  GroupFormat groups = parseGroupFormat(parts->codes, context);
  if (groups.format && (group || options.scale != "auto"))
    return error() << option << "=" << name << " has groups of " << groups.group
                   << " and scales of its own: expected neither groups nor "
                      "scale";
  if (groups.format && options.rounding != "nearest")
    return error() << option << "=" << name << " rounds to nearest, got "
                   << "rounding=" << options.rounding;
  if (groups.format && options.clip == "output")
    return error() << option << "=" << name
                   << ": expected clip=absmax or mse, got clip=output";
  rule.format = groups.format;
  bool isTernary = parts->codes == "ternary";
  if (isTernary && (options.rounding != "nearest" || options.clip != "absmax" ||
                    options.weightsZero != "false" || parts->columns))
    return error()
           << option << "=" << name
           << ": has codes -1, 0 and 1 by the mean of |w| alone: expected "
              "no other clip, rounding, zero points or columns";
  if (!rule.format &&
      failed(parseNamedFormat(option, isTernary ? "int2" : parts->codes,
                              rule.format)))
    return failure();
  rule.outliers = parts->columns;
  if (rule.outliers && !rule.format.isScaled())
    return error() << option << "=" << name << ": " << parts->codes
                   << " has no codes that columns could stand out of";
  if (group < 0 || group % 16)
    return error() << option << "=" << name << ": groups of " << group
                   << " inputs; expected 0 or a positive multiple of 16";
  auto integer = dyn_cast<IntFormatAttr>(rule.format);
  if (group && !rule.format.isScaled())
    return error() << option << "=" << name << " has no scales, expected "
                   << "no groups; got groups of " << group;
  rule.group = group;
  auto automatic =
      group ? Type(Float16Type::get(context)) : Type(Float32Type::get(context));
  rule.scaleType = parseScaleType(options.scale, automatic);
  if (groups.format) {
    rule.group = groups.group;
    rule.scaleType = groups.scaleType;
  }
  if (!rule.scaleType)
    return error() << "scale=" << options.scale
                   << ": expected auto, f16, bf16 or f32";
  auto clip = symbolizeClipMethod(options.clip);
  if (!clip)
    return error() << "clip=" << options.clip
                   << ": expected absmax, mse, hqq or output";
  rule.clip = isTernary ? ClipMethod::AbsMean : *clip;
  auto rounding = symbolizeRounding(options.rounding);
  if (!rounding)
    return error() << "rounding=" << options.rounding
                   << ": expected nearest or gptq";
  rule.rounding = *rounding;
  if (rule.rounding != Rounding::GPTQ && options.actOrder)
    return error() << "act-order without rounding=gptq";
  if (!(options.damp >= 0))
    return error() << "damp=" << options.damp << ": expected at least 0";
  if (rule.clip == ClipMethod::HQQ && rule.format.isScaled() &&
      options.weightsZero != "offset")
    return error()
           << "clip=hqq: expected weights-zero=offset, which it chooses";
  if (!llvm::is_contained({"false", "true", "offset"}, options.weightsZero))
    return error() << "weights-zero=" << options.weightsZero
                   << ": expected true, false or offset";
  if (rule.format.isScaled())
    rule.zeroKind = options.weightsZero == "offset" ? ZeroKind::Offset
                    : options.weightsZero == "true" ? ZeroKind::Point
                                                    : ZeroKind::None;
  if (rule.zeroKind != ZeroKind::None && (!integer || integer.getWidth() == 1))
    return error() << option << "=" << name
                   << " has no zero points; expected an integer format of 2 to "
                      "8 bits beside weights-zero";
  if (integer && !integer.getIsSigned() && rule.zeroKind == ZeroKind::None)
    return error() << option << "=" << name
                   << " cannot hold negative numbers without weights-zero";
  return chooseActivation(option, rule);
}

/// Beside weights of small floats in integer arithmetic.
LogicalResult RuleMaker::chooseIntegers(StringRef option, WeightRule &rule) {
  StringRef name = options.activations;
  bool isAuto = name == "auto";
  if (rule.group || !getIntegerForm(rule.format))
    return error() << "activations=" << (isAuto ? "int8" : name) << " with "
                   << option << "=" << rule.format.getName()
                   << ": integer activations need integer weights, or in "
                      "integer arithmetic, without groups, small floats whose "
                      "numbers are integers of at most 24 bits times a power "
                      "of two";
  rule.activation = isAuto ? costModel.preferredActivation(IntFormatAttr::get(
                                 context, 8, /*isSigned=*/true))
                           : parseActivationFormat(name, context);
  return success();
}

LogicalResult RuleMaker::chooseActivation(StringRef option, WeightRule &rule) {
  StringRef name = options.activations;
  bool isInteger = isa<IntFormatAttr>(rule.format);
  if (name == "none")
    return success();
  ActivationFormat activation = parseFloatOrActivationFormat(name, context);
  if (activation.format && !isa<IntFormatAttr>(activation.format)) {
    if (option != "weights" && !rule.format.isScaled())
      return success();
    if (!isa<FloatFormatAttr>(rule.format) || !rule.format.isScaled())
      return error() << "activations=" << name << " with " << option << "="
                     << rule.format.getName()
                     << ": activations of small floats need weights of small "
                        "floats";
    rule.activation = activation;
    return success();
  }
  if (!isInteger && options.integers && rule.format.isScaled())
    return chooseIntegers(option, rule);
  bool isAuto = name == "auto";
  // A head in floats is the usual companion of integer layers.
  bool isHead = option != "weights";
  if (!rule.format.isScaled() && (isAuto || isHead))
    return success();
  auto form = getIntegerForm(rule.format);
  bool fits =
      form && form->bits <= 8 && rule.scaleType.getIntOrFloatBitWidth() >= 16;
  if (!fits && isAuto && isHead)
    return success();
  if (!fits)
    return error() << "activations=" << (isAuto ? "int8" : name) << " with "
                   << option << "=" << rule.format.getName()
                   << ": integer activations need integer weights, or small "
                      "floats whose numbers are integers of at most 8 bits "
                      "times a power of two (e2m1), with scales of 16 or 32 "
                      "bits";
  rule.activation =
      isAuto
          ? costModel.preferredActivation(IntFormatAttr::get(
                context, rule.format.getBits(),
                !isInteger || cast<IntFormatAttr>(rule.format).getIsSigned()))
          : parseActivationFormat(name, context);
  return success();
}

ActivationFormat RuleMaker::chooseImage(const QuantizeRules &rules) {
  if (!rules.linear.takesCodes())
    return {};
  if (options.activations == "auto")
    return costModel.preferredImage(context);
  return parseFloatOrActivationFormat(options.activations, context);
}

LogicalResult RuleMaker::makeAllocated(QuantizeRules &rules) {
  if (!model.allocation)
    return success();
  for (NamedAttribute entry : model.allocation) {
    auto format = dyn_cast<StringAttr>(entry.getValue());
    if (!format)
      return error() << allocationAttr << ": expected the name of a format for "
                     << entry.getName() << ", got " << entry.getValue();
    StringRef name = entry.getName();
    if (name == allocatedCacheName) {
      rules.allocatedCache = format.str();
      continue;
    }
    if (name.consume_back(allocatedInputSuffix)) {
      ActivationFormat &input = rules.allocatedInputs[name.str()];
      input = parseActivationFormat(format, context);
      if (!input.format && format != "none")
        return error() << allocationAttr << ": " << entry.getName() << " = "
                       << format
                       << ": expected none, int4 to int8, or uint4 to uint8";
      continue;
    }
    if (failed(makeWeight(name, format, options.group,
                          rules.allocated[name.str()])))
      return failure();
  }
  return success();
}

FailureOr<QuantizeRules> RuleMaker::make() {
  QuantizeRules rules;
  if (options.activations != "none" && options.activations != "auto" &&
      !parseFloatOrActivationFormat(options.activations, context).format)
    return error() << "activations=" << options.activations
                   << ": expected none, int4 to int8, uint4 to uint8, e4m3, "
                      "e5m2, nvfp4, mxfp4, or auto";
  if (options.weights == "none" && !model.hasStored &&
      options.activations != "none" && options.activations != "auto")
    return error() << "activations=" << options.activations
                   << " without weights that they could be multiplied with";
  if (failed(
          makeWeight("weights", options.weights, options.group, rules.linear)))
    return failure();
  if (failed(makeAllocated(rules)))
    return failure();
  if (options.weights == "none" && options.group && !model.allocation)
    return error() << "group=" << options.group << " without weights";
  if (options.lowRank < 0)
    return error() << "low-rank=" << options.lowRank << ": expected at least 0";
  if (options.lowRank && !model.allocation &&
      !(rules.linear.format && rules.linear.format.isScaled()))
    return error() << "low-rank=" << options.lowRank
                   << " with weights=" << options.weights
                   << ": expected a format whose codes have scales";
  rules.image = chooseImage(rules);
  if (options.head == "same") {
    rules.head = rules.linear;
    if (options.headGroup)
      return error() << "head-group=" << options.headGroup
                     << " with head=same; expected a format in head";
  } else if (failed(makeWeight("head", options.head, options.headGroup,
                               rules.head))) {
    return failure();
  }
  if (options.per != "token" && options.per != "tensor")
    return error() << "per=" << options.per << ": expected token or tensor";
  rules.perTensor = options.per == "tensor";
  if (rules.perTensor && rules.linear.activation.group)
    return error() << "per=tensor: activations=" << options.activations
                   << " have scales of groups, found at run time";

  if (options.embedding != "none") {
    NumberFormat format;
    if (failed(parseNamedFormat("embedding", options.embedding, format)))
      return failure();
    auto integer = dyn_cast<IntFormatAttr>(format);
    if (integer && !integer.getIsSigned())
      return error() << "embedding=" << options.embedding
                     << " cannot hold negative numbers";
    rules.embedding.format = format;
    rules.embedding.scaleType = Float32Type::get(context);
    // Nothing is known of the rows that are looked up.
    rules.embedding.clip = rules.linear.clip == ClipMethod::AbsMax
                               ? ClipMethod::AbsMax
                               : ClipMethod::MSE;
  }
  if (options.floats == "bf16")
    rules.unquantized.format = parseFormat("bf16", context);
  else if (options.floats != "f32")
    return error() << "floats=" << options.floats << ": expected f32 or bf16";
  auto keep = parseKeepRules("keep", options.keep, [&] { return error(); });
  if (failed(keep))
    return failure();
  rules.keep = std::move(*keep);
  return rules;
}

FailureOr<QuantizeRules> qnt::makeQuantizeRules(const QuantizeOptions &options,
                                                const CostModel &costModel,
                                                const QuantizedModel &model) {
  return RuleMaker(options, costModel, model).make();
}
