//===- IntegerArithmetic.cpp - epilogues in integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodePatterns.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/IntegerForm.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>

namespace qnt {
#define GEN_PASS_DEF_INTEGERARITHMETIC
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

/// Whether code of this function must be exact: it computes with codes.
static bool isQuantized(func::FuncOp function) {
  return function.walk([](EpilogueOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

namespace {
/// Rewrites one contraction.
class Converter {
public:
  explicit Converter(EpilogueOp op)
      : op(op), builder(op), type(op->getResult(0).getType()) {}

  LogicalResult run();

private:
  InFlightDiagnostic error() {
    return op->emitOpError("in integer arithmetic: ");
  }
  /// Reads the steps that there are into the members.
  LogicalResult readSteps();
  LogicalResult addClamp(Value low, Value high, Value scale, Value zero);
  /// The scale of the sums of products, [N].
  FailureOr<Value> createSumScales();
  Value createConstant(double number);
  int64_t getFeatures() {
    auto quantized = dyn_cast<QTensorType>(type);
    return (quantized ? quantized.getShape()
                      : cast<RankedTensorType>(type).getShape())
        .back();
  }
  void append(EpilogueKind kind, ValueRange operands) {
    steps.push_back(EpilogueKindAttr::get(op.getContext(), kind));
    extra.append(operands.begin(), operands.end());
  }

  EpilogueOp op;
  OpBuilder builder;
  Type type;

  Value bias, addend, scale, zero;
  /// Bits of the weight's integers beyond those of int8.
  unsigned excess = 0;
  bool relu = false;
  SmallVector<Attribute> steps;
  SmallVector<Value> extra;
};
} // namespace

/// Bounds that the codes hold anyway go, a lower one of zero is a relu.
LogicalResult Converter::addClamp(Value low, Value high, Value scale,
                                  Value zero) {
  auto quantized = dyn_cast<QTensorType>(type);
  auto below = getConstantNumber(low), above = getConstantNumber(high);
  auto by = getConstantNumber(scale), from = zero ? getConstantNumber(zero) : 0;
  if (!quantized || !below || !above || !by || !from)
    return error() << "expected a clamp with constant bounds before codes with "
                      "constant scales";
  NumberFormat format = quantized.getFormat();
  double least = std::nearbyint(*below / *by) + *from;
  double most = std::nearbyint(*above / *by) + *from;
  if (most < format.getMax() || (least > format.getMin() && least != *from))
    return error() << "the clamp to [" << *below << ", " << *above
                   << "] is narrower than the codes' range";
  relu |= least > format.getMin();
  return success();
}

LogicalResult Converter::readSteps() {
  auto operand = op.getExtra().begin();
  auto quantized = dyn_cast<QTensorType>(type);
  if (quantized) {
    CodeScales scales = *findScales(op->getResult(0));
    scale = scales.scale;
    zero = scales.zero;
  }
  for (Attribute step : op.getEpilogue()) {
    EpilogueKind kind = cast<EpilogueKindAttr>(step).getValue();
    StringRef name = stringifyEpilogueKind(kind);
    switch (kind) {
    case EpilogueKind::Bias: {
      Value next = *operand++;
      if (relu || !isParamExpression(next))
        return error() << "expected biases that are parameters, before relu";
      bias = bias ? nn::AddOp::create(builder, op.getLoc(), bias.getType(),
                                      bias, next)
                        .getResult()
                  : next;
      break;
    }
    case EpilogueKind::Add: {
      Value next = *operand++;
      if (relu || addend || !quantized)
        return error() << "expected one sum at most, before relu, and a "
                          "quantised result after it";
      if (!isa<QTensorType>(next.getType()))
        return error() << "adds floats: " << next.getType()
                       << ", expected codes";
      addend = next;
      break;
    }
    case EpilogueKind::Relu:
      relu = true;
      break;
    case EpilogueKind::Clamp:
      if (failed(addClamp(*operand, *std::next(operand), scale, zero)))
        return failure();
      std::advance(operand, 2);
      break;
    case EpilogueKind::Quantize:
      return success();
    default:
      return error() << "epilogue step " << name
                     << " computes in floats, expected bias, add, relu, clamp "
                        "and quantize alone";
    }
  }
  return success();
}

Value Converter::createConstant(double number) {
  auto vector = RankedTensorType::get({getFeatures()}, builder.getF32Type());
  return arith::ConstantOp::create(
      builder, op.getLoc(), DenseElementsAttr::get(vector, float(number)));
}

FailureOr<Value> Converter::createSumScales() {
  auto input = findScales(op->getOperand(0));
  if (!input || !isParamExpression(input->scale))
    return error() << "expected an input whose scale is known when compiling";
  Location loc = op.getLoc();
  auto vector = RankedTensorType::get({getFeatures()}, builder.getF32Type());
  Value scales;
  if (Value weight = getWeight(op)) {
    auto of = cast<QTensorType>(weight.getType());
    BlockKind block = of.getBlock().getKind();
    auto form = getIntegerForm(of.getFormat());
    if (of.hasOffsets() || !isParamExpression(weight) || !form ||
        (block != BlockKind::PerChannel && block != BlockKind::PerTensor))
      return error() << "expected a parameter as weight, with a scale for each "
                        "channel and no offsets, got "
                     << of;
    excess = form->getExcess();
    scales = ScalesOp::create(
        builder, loc,
        RankedTensorType::get(of.getScaleShape(), builder.getF32Type()),
        weight);
    if (block == BlockKind::PerTensor || form->exponent != 0)
      scales = nn::MulOp::create(builder, loc, vector,
                                 createConstant(form->getUnit()), scales);
  } else {
    ArrayRef<int64_t> kernel = cast<AveragePoolOp>(*op).getKernel();
    scales = createConstant(1 / (double(kernel[0]) * double(kernel[1])));
  }
  return nn::MulOp::create(builder, loc, vector, scales, input->scale)
      .getResult();
}

LogicalResult Converter::run() {
  auto input = dyn_cast<QTensorType>(op->getOperand(0).getType());
  if (!input || input.getBlock().getKind() != BlockKind::PerTensor)
    return error() << "expected an input quantised per tensor, got "
                   << op->getOperand(0).getType();
  if (failed(readSteps()))
    return failure();
  FailureOr<Value> sums = createSumScales();
  if (failed(sums))
    return failure();
  Location loc = op.getLoc();
  auto integers = RankedTensorType::get({getFeatures()}, builder.getI32Type());
  if (bias) {
    Value units = findSumBias(op, bias);
    if (!units)
      units = QuantizeBiasOp::create(builder, loc, integers, bias, *sums);
    append(EpilogueKind::IntBias, {units});
  }
  if (!isa<QTensorType>(type)) {
    if (relu)
      append(EpilogueKind::Relu, {});
    append(EpilogueKind::Rescale, {*sums});
  } else {
    std::optional<CodeScales> added;
    if (addend)
      added = findScales(addend);
    if (!isParamExpression(scale) ||
        (addend && (!added || !isParamExpression(added->scale))))
      return error() << "expected scales that are known when compiling";
    // Sums of more bits leave multipliers fewer.
    Value numerator = *sums;
    if (excess)
      numerator =
          nn::MulOp::create(builder, loc, numerator.getType(), numerator,
                            createConstant(std::ldexp(1.0, int(excess))));
    Value shift = DyadicShiftOp::create(builder, loc, integers, numerator,
                                        added ? added->scale : Value(), scale);
    if (addend)
      append(
          EpilogueKind::IntAdd,
          {addend, DyadicOp::create(builder, loc, added->scale, scale, shift)});
    if (relu)
      append(EpilogueKind::Relu, {});
    append(EpilogueKind::Requantize,
           {DyadicOp::create(builder, loc, *sums, scale, shift), shift, scale});
    if (zero)
      extra.push_back(zero);
  }
  NamedAttrList attributes(op->getAttrs());
  attributes.set("epilogue", builder.getArrayAttr(steps));
  SmallVector<Value> operands(
      op->getOperands().drop_back(op.getExtra().size()));
  llvm::append_range(operands, extra);
  Operation *converted = builder.create(loc, op->getName().getIdentifier(),
                                        operands, type, attributes.getAttrs());
  op->getResult(0).replaceAllUsesWith(converted->getResult(0));
  op->erase();
  return success();
}

/// The op that computes floats from codes for what makes codes again, if there
/// is one: between them there are none in integer arithmetic.
static Operation *findFloats(Value value, llvm::DenseSet<Value> &seen) {
  Operation *op = value.getDefiningOp();
  if (!op || !seen.insert(value).second || isParamExpression(value))
    return nullptr;
  if (isa<DequantizeOp, EpilogueOp>(op))
    return op;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      if (findFloats(operand, seen))
        return op;
  return nullptr;
}

namespace {
class IntegerArithmeticPass
    : public qnt::impl::IntegerArithmeticBase<IntegerArithmeticPass> {
public:
  using IntegerArithmeticBase::IntegerArithmeticBase;

  void runOnOperation() override {
    bool hasCodes = false;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!isQuantized(function))
        continue;
      hasCodes = true;
      if (failed(run(function)))
        return signalPassFailure();
    }
    if (hasCodes)
      return;
    getOperation().emitError("expected a quantised model for integer "
                             "arithmetic, found no layer that computes with "
                             "codes");
    signalPassFailure();
  }

private:
  LogicalResult run(func::FuncOp function) {
    if (failed(convertFunctionsOfCodes(function)))
      return failure();
    SmallVector<EpilogueOp> contractions;
    function.walk([&](EpilogueOp op) {
      if (!isIntegerEpilogue(op.getEpilogue()))
        contractions.push_back(op);
    });
    if (failed(checkRounding(function)) || failed(checkFloats(function)))
      return failure();
    for (EpilogueOp op : contractions)
      if (failed(Converter(op).run()))
        return failure();
    return success();
  }

  /// Nothing rounds f32 numbers to codes already.
  LogicalResult checkRounding(func::FuncOp function) {
    WalkResult result = function.walk([](Operation *op) {
      auto contraction = dyn_cast<EpilogueOp>(op);
      bool rounds = contraction &&
                    llvm::is_contained(
                        contraction.getEpilogue(),
                        EpilogueKindAttr::get(op->getContext(),
                                              EpilogueKind::RequantizeF32));
      if (!rounds && !isa<AddOp>(op))
        return WalkResult::advance();
      op->emitOpError("in integer arithmetic: multiplies by an f32 scale, "
                      "expected to run before qnt-round-once");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  /// Whatever takes numbers for codes or sums takes them from floats that no
  /// codes are behind.
  LogicalResult checkFloats(func::FuncOp function) {
    LogicalResult status = success();
    function.walk([&](Operation *op) {
      if (!isa<QuantizeOp, EpilogueOp, nn::LinearOp, nn::ConvOp>(op))
        return WalkResult::advance();
      llvm::DenseSet<Value> seen;
      Value input = op->getOperand(0);
      if (!isa<RankedTensorType>(input.getType()))
        return WalkResult::advance();
      Operation *floats = findFloats(input, seen);
      if (!floats)
        return WalkResult::advance();
      status = floats->emitOpError("computes floats between codes, for ")
               << op->getName() << ", which integer arithmetic cannot: "
               << "expected convolutions, linear layers, sums, relu, clamps, "
                  "pools and moves of quantised images, and of transformers "
                  "nn.rms_norm of rows, nn.rope, causal nn.attention without a "
                  "cache, nn.mul and nn.activation, quantised per tensor";
      return WalkResult::interrupt();
    });
    return status;
  }
};
} // namespace
