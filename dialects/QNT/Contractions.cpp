//===- Contractions.cpp - verifiers of quantised contractions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogues.h"

#include "qnt/Dialect/QNT/IntegerForm.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qnt;

#include "qnt/Dialect/QNT/QNTOpInterfaces.cpp.inc"

ArrayRef<int64_t> qnt::getShapeOf(Type type) {
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape();
  return cast<RankedTensorType>(type).getShape();
}

std::string qnt::describeShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(shape, os, [&](int64_t size) {
    if (ShapedType::isDynamic(size))
      os << '?';
    else
      os << size;
  });
  return text;
}

static bool isActivationLayout(Attribute layout) {
  return !layout || isa<RowsAttr, ImageAttr>(layout);
}

/// That integers have so few bits that layers multiply them.
static LogicalResult verifyFactors(Operation *op, ArrayRef<QTensorType> types) {
  for (QTensorType type : types)
    if (type && type.isInteger() && type.getFormat().getBits() > 8)
      return op->emitOpError("expected integers of at most 8 bits, got ")
             << type;
  return success();
}

bool qnt::isPerTensorInteger(QTensorType type) {
  return type.isInteger() && !type.hasOffsets() &&
         type.getBlock().getKind() == BlockKind::PerTensor;
}

//===----------------------------------------------------------------------===//
// Epilogues
//===----------------------------------------------------------------------===//

static EpilogueKind getKind(Attribute step) {
  return cast<EpilogueKindAttr>(step).getValue();
}

static bool isIntegerStep(EpilogueKind kind) {
  switch (kind) {
  case EpilogueKind::IntBias:
  case EpilogueKind::IntAdd:
  case EpilogueKind::Requantize:
  case EpilogueKind::Rescale:
  case EpilogueKind::RequantizeF32:
    return true;
  default:
    return false;
  }
}

bool qnt::isIntegerEpilogue(ArrayAttr steps) {
  return llvm::any_of(
      steps, [](Attribute step) { return isIntegerStep(getKind(step)); });
}

/// What a step wants of one operand.
enum class Wanted { Bias, Whole, Addend, Scalar, Integers, Codes, Scales };

static SmallVector<Wanted, 4> getWanted(EpilogueKind kind, Type result) {
  auto quantized = dyn_cast<QTensorType>(result);
  bool hasZero = quantized && quantized.hasZeros();
  SmallVector<Wanted, 4> wanted;
  switch (kind) {
  case EpilogueKind::Bias:
    return {Wanted::Bias};
  case EpilogueKind::Add:
    return {Wanted::Addend};
  case EpilogueKind::Mul:
    return {Wanted::Whole};
  case EpilogueKind::Clamp:
    return {Wanted::Scalar, Wanted::Scalar};
  case EpilogueKind::IntBias:
    return {Wanted::Integers};
  case EpilogueKind::IntAdd:
    return {Wanted::Codes, Wanted::Integers};
  case EpilogueKind::Rescale:
    return {Wanted::Scales};
  case EpilogueKind::Requantize:
    wanted = {Wanted::Integers, Wanted::Integers};
    [[fallthrough]];
  case EpilogueKind::Quantize:
  case EpilogueKind::RequantizeF32:
    wanted.append(hasZero ? 2 : 1, Wanted::Scalar);
    return wanted;
  case EpilogueKind::Relu:
  case EpilogueKind::Gelu:
  case EpilogueKind::GeluTanh:
  case EpilogueKind::Silu:
  case EpilogueKind::Tanh:
  case EpilogueKind::Sigmoid:
    return {};
  }
  llvm_unreachable("unknown EpilogueKind");
}

unsigned qnt::getNumOperands(EpilogueKind kind, Type result) {
  return getWanted(kind, result).size();
}

/// Whether `type` is what a step wants for a result of that shape.
static bool isWanted(Wanted wanted, Type type, ArrayRef<int64_t> result) {
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape() == result &&
           (wanted == Wanted::Addend ||
            (wanted == Wanted::Codes && isPerTensorInteger(quantized)));
  auto tensor = cast<RankedTensorType>(type);
  ArrayRef<int64_t> shape = tensor.getShape();
  Type element = tensor.getElementType();
  switch (wanted) {
  case Wanted::Whole:
  case Wanted::Addend:
    return isa<FloatType>(element) && shape == result;
  case Wanted::Bias:
  case Wanted::Scales:
    return isa<FloatType>(element) && shape == result.take_back(1);
  case Wanted::Scalar:
    return element.isF32() && shape.empty();
  case Wanted::Integers:
    return element.isInteger(32) && shape == result.take_back(1);
  case Wanted::Codes:
    return false;
  }
  llvm_unreachable("unknown Wanted");
}

static const char *describe(Wanted wanted) {
  switch (wanted) {
  case Wanted::Bias:
  case Wanted::Scales:
    return "a float for each output feature";
  case Wanted::Whole:
    return "floats of the result's shape";
  case Wanted::Addend:
    return "floats or a quantised tensor of the result's shape";
  case Wanted::Scalar:
    return "an f32 scalar";
  case Wanted::Integers:
    return "an i32 for each output feature";
  case Wanted::Codes:
    return "integer codes per_tensor of the result's shape";
  }
  llvm_unreachable("unknown Wanted");
}

/// (E1)
static LogicalResult verifyOperands(EpilogueOp op, Type result) {
  OperandRange extra = op.getExtra();
  auto operand = extra.begin();
  for (Attribute step : op.getEpilogue()) {
    StringRef name = stringifyEpilogueKind(getKind(step));
    for (Wanted wanted : getWanted(getKind(step), result)) {
      if (operand == extra.end())
        return op->emitOpError("expected an operand for epilogue step ")
               << name << ": " << describe(wanted);
      Type type = (*operand++).getType();
      if (!isWanted(wanted, type, getShapeOf(result)))
        return op->emitOpError("expected ")
               << describe(wanted) << " [" << describeShape(getShapeOf(result))
               << "] for epilogue step " << name << ", got " << type;
    }
  }
  if (operand != extra.end())
    return op->emitOpError("has more operands than epilogue steps take");
  return success();
}

LogicalResult qnt::verifyEpilogue(EpilogueOp op, Type input,
                                  QTensorType weight) {
  Type result = op->getResult(0).getType();
  ArrayRef<Attribute> steps = op.getEpilogue().getValue();
  auto quantized = dyn_cast<QTensorType>(result);
  auto isLast = [](EpilogueKind kind) {
    return kind == EpilogueKind::Quantize || kind == EpilogueKind::Requantize ||
           kind == EpilogueKind::Rescale || kind == EpilogueKind::RequantizeF32;
  };
  EpilogueKind last =
      steps.empty() ? EpilogueKind::Bias : getKind(steps.back());
  bool encodes = isLast(last) && last != EpilogueKind::Rescale;
  if (bool(quantized) != encodes ||
      (quantized && !isPerTensorInteger(quantized))) // (E2)
    return op->emitOpError("expected integer codes per_tensor as result where "
                           "the last epilogue step is quantize, requantize "
                           "or requantize_f32, and only there, got ")
           << result;
  if (!quantized && !cast<RankedTensorType>(result).getElementType().isF32())
    return op->emitOpError("expected an f32 result, got ") << result;
  bool isInteger = isIntegerEpilogue(op.getEpilogue());
  unsigned additions = 0;
  for (auto [i, step] : llvm::enumerate(steps)) {
    EpilogueKind kind = getKind(step);
    if (isLast(kind) && i + 1 != steps.size())
      return op->emitOpError("expected epilogue step ")
             << stringifyEpilogueKind(kind) << " to be the last";
    if (!isInteger)
      continue;
    additions += kind == EpilogueKind::IntAdd;
    bool isFirst = kind == EpilogueKind::IntBias;
    if ((!isIntegerStep(kind) && kind != EpilogueKind::Relu) ||
        (isFirst && i != 0)) // (E3)
      return op->emitOpError("epilogue step ")
             << stringifyEpilogueKind(kind)
             << " has no place there in integer arithmetic";
  }
  if (isInteger) { // (E3)
    auto codes = dyn_cast<QTensorType>(input);
    BlockKind block =
        weight ? weight.getBlock().getKind() : BlockKind::PerTensor;
    if (!isLast(last) || last == EpilogueKind::Quantize ||
        additions > (last == EpilogueKind::Requantize ? 1u : 0u))
      return op->emitOpError(
          "expected integer steps to end in requantize, with "
          "at most one int_add before it, or in rescale or requantize_f32");
    if (!codes || !isPerTensorInteger(codes) ||
        (weight && (weight.hasOffsets() || (block != BlockKind::PerChannel &&
                                            block != BlockKind::PerTensor))))
      return op->emitOpError("expected codes per_tensor and a weight "
                             "per_channel or per_tensor without offsets in "
                             "integer arithmetic, got ")
             << input;
    if (last == EpilogueKind::RequantizeF32 && weight && !weight.isInteger())
      return op->emitOpError("expected a weight of integers for the epilogue "
                             "step requantize_f32, got ")
             << weight;
  }
  return verifyOperands(op, result);
}

//===----------------------------------------------------------------------===//
// LinearOp
//===----------------------------------------------------------------------===//

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input,
                     Value weight, ValueRange extra, ArrayAttr epilogue,
                     Strategy strategy) {
  SmallVector<int64_t> shape(getShapeOf(input.getType()));
  shape.back() = cast<QTensorType>(weight.getType()).getShape()[0];
  build(builder, state, RankedTensorType::get(shape, builder.getF32Type()),
        input, weight, extra, epilogue, strategy);
}

static bool isScaledFloat(QTensorType type) {
  return isa<FloatFormatAttr>(type.getFormat()) && type.hasScale();
}

LogicalResult LinearOp::verify() {
  QTensorType weight = getWeight().getType();
  ArrayRef<int64_t> shape = getShapeOf(getInput().getType());
  if (weight.getRank() != 2 || !weight.hasStaticShape() ||
      shape.empty()) // (C1)
    return emitOpError("expected an input of rank at least 1 and a static "
                       "weight of rank 2, got ")
           << getInput().getType() << " and " << weight;
  if (shape.back() != weight.getShape()[1])
    return emitOpError("expected ")
           << weight.getShape()[1] << " input features, got "
           << getInput().getType();
  SmallVector<int64_t> expected(shape);
  expected.back() = weight.getShape()[0];
  if (getShapeOf(getResult().getType()) != ArrayRef(expected))
    return emitOpError("expected a result of shape [")
           << describeShape(expected) << "], got " << getResult().getType();
  auto input = dyn_cast<QTensorType>(getInput().getType());
  if (input) { // (C2)
    BlockKind kind = input.getBlock().getKind();
    bool areFloats = isScaledFloat(input) && isScaledFloat(weight);
    bool areIntegers = input.isInteger() && isMultipliedWithIntegers(weight);
    bool isWhole = kind == BlockKind::PerRow || kind == BlockKind::PerTensor;
    if (!(areFloats && (isWhole || kind == BlockKind::Group)) &&
        !(areIntegers && isWhole && !input.hasOffsets()))
      return emitOpError("expected integer codes on both sides (or weights "
                         "of small floats with scales) and an input "
                         "quantised per row or per tensor without "
                         "offsets, or scaled floats on both sides, got ")
             << input << " and " << weight;
  }
  if (failed(verifyFactors(*this, {input, weight}))) // (C2)
    return failure();
  if (weight.getBlock().getKind() == BlockKind::PerRow) // (C4)
    return emitOpError("expected a per_channel weight, got ") << weight;
  if ((input && !isActivationLayout(input.getLayout())) ||
      isa_and_present<RowsAttr, ImageAttr>(weight.getLayout())) // (C5)
    return emitOpError("expected a weight's layout on the weight and an "
                       "activation's on the input, got ")
           << weight.getLayout() << " on the weight of "
           << getInput().getType();
  return verifyEpilogue(*this, getInput().getType(), weight); // (C3)
}

//===----------------------------------------------------------------------===//
// ConvOp, MaxPoolOp, AveragePoolOp
//===----------------------------------------------------------------------===//

/// That windows make sense on images of type `input`, and give `result` with so
/// many channels.
static LogicalResult verifyWindows(Operation *op, const nn::Windows &windows,
                                   Type input, Type result, int64_t channels) {
  ArrayRef<int64_t> shape = getShapeOf(input);
  auto report = [&] { return op->emitOpError(); };
  if (failed(windows.verify(report, shape)))
    return failure();
  SmallVector<int64_t> expected = windows.getOutputShape(shape, channels);
  if (getShapeOf(result) != ArrayRef(expected))
    return op->emitOpError("expected a result of shape [")
           << describeShape(expected) << "], got " << result;
  return success();
}

LogicalResult ConvOp::verify() {
  QTensorType weight = getWeight().getType();
  ArrayRef<int64_t> shape = getShapeOf(getInput().getType());
  if (shape.size() != 4 || weight.getRank() != 4 ||
      !weight.hasStaticShape()) // (C1)
    return emitOpError("expected images [B, H, W, C] and a static weight "
                       "[N, KH, KW, C], got ")
           << getInput().getType() << " and " << weight;
  auto groups = int64_t(getGroups());
  int64_t features = weight.getShape()[0];
  if (groups < 1 || ShapedType::isDynamic(shape[3]) || shape[3] % groups ||
      features % groups || weight.getShape()[3] != shape[3] / groups)
    return emitOpError("expected groups that divide the channels, and a weight "
                       "over those of a group, got ")
           << groups << " groups of " << getInput().getType() << " and "
           << weight;
  if (failed(verifyWindows(*this, getWindows(), getInput().getType(),
                           getResult().getType(), features))) // (C2)
    return failure();
  auto input = dyn_cast<QTensorType>(getInput().getType());
  if (input &&
      (!isPerTensorInteger(input) || !isMultipliedWithIntegers(weight))) // (C3)
    return emitOpError("expected integer codes on both sides (or weights of "
                       "small floats) and images quantised per tensor, got ")
           << input << " and " << weight;
  if (failed(verifyFactors(*this, {input, weight}))) // (C3)
    return failure();
  BlockKind kind = weight.getBlock().getKind();
  if (kind != BlockKind::PerChannel && kind != BlockKind::PerTensor &&
      kind != BlockKind::Unscaled) // (C4)
    return emitOpError("expected a per_channel, per_tensor or unscaled weight, "
                       "got ")
           << weight;
  if (weight.hasOffsets())
    return emitOpError("expected a weight without offsets, got ") << weight;
  if ((input && !isActivationLayout(input.getLayout())) ||
      isa_and_present<RowsAttr, ImageAttr>(weight.getLayout())) // (C6)
    return emitOpError("expected a weight's layout on the weight and an "
                       "activation's on the input, got ")
           << weight.getLayout() << " on the weight of "
           << getInput().getType();
  return verifyEpilogue(*this, getInput().getType(), weight); // (C5)
}

static LogicalResult verifyPooled(Operation *op, QTensorType input) {
  if (input.getRank() != 4 || !isPerTensorInteger(input)) // (C1)
    return op->emitOpError("expected images [B, H, W, C] of integer codes per "
                           "tensor, got ")
           << input;
  return verifyFactors(op, input);
}

LogicalResult MaxPoolOp::verify() {
  QTensorType input = getInput().getType(), result = getResult().getType();
  if (failed(verifyPooled(*this, input)))
    return failure();
  nn::Windows windows = getWindows();
  if (failed(verifyWindows(*this, windows, input, result,
                           input.getShape().back()))) // (C2)
    return failure();
  for (unsigned axis : {0, 1})
    if (windows.getPadBefore(axis) >= windows.getExtent(axis) ||
        windows.getPadAfter(axis) >= windows.getExtent(axis))
      return emitOpError("expected pads smaller than the window, got [")
             << getPads() << "]";
  if (input.withShape(result.getShape()).withLayout({}) !=
      result.withLayout({}))
    return emitOpError("expected a result that differs in shape and layout "
                       "only, got ")
           << input << " and " << result;
  return success();
}

LogicalResult AveragePoolOp::verify() {
  QTensorType input = getInput().getType();
  if (failed(verifyPooled(*this, input)) ||
      failed(verifyWindows(*this, getWindows(), input, getResult().getType(),
                           input.getShape().back()))) // (C2)
    return failure();
  return verifyEpilogue(*this, input, {}); // (C3)
}

//===----------------------------------------------------------------------===//
// AddOp
//===----------------------------------------------------------------------===//

LogicalResult AddOp::verify() {
  QTensorType lhs = getLhs().getType(), rhs = getRhs().getType();
  QTensorType result = getResult().getType();
  for (QTensorType type : {lhs, rhs, result})
    if (!isPerTensorInteger(type) || type.getShape() != result.getShape() ||
        type.getRank() == 0 ||
        ShapedType::isDynamic(type.getShape().back())) // (C1)
      return emitOpError(
                 "expected integer codes per tensor of one shape, whose "
                 "last dimension is static, got ")
             << type << " for " << result;
  if (failed(verifyFactors(*this, {lhs, rhs, result}))) // (C1)
    return failure();
  if (bool(getZero()) != result.hasZeros()) // (C2)
    return emitOpError("expected a zero operand exactly when the result has "
                       "zero points");
  for (QTensorType type : {lhs, rhs, result})
    if (!isActivationLayout(type.getLayout())) // (C3)
      return emitOpError("expected an activation's layout, got ") << type;
  return success();
}
