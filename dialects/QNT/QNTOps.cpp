//===- QNTOps.cpp - verifiers, folds and inference of qnt -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace qnt;

static ArrayRef<int64_t> getShape(Type type) {
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape();
  return cast<RankedTensorType>(type).getShape();
}

/// The f32 result of a linear layer; null for operands that it cannot have.
static Type inferLinearResult(Type input, Type weight) {
  auto filters = dyn_cast<QTensorType>(weight);
  if (!isa<QTensorType, RankedTensorType>(input) || !filters ||
      filters.getRank() != 2 || getShape(input).empty())
    return {};
  SmallVector<int64_t> shape(getShape(input));
  shape.back() = filters.getShape()[0];
  return RankedTensorType::get(shape, Float32Type::get(input.getContext()));
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

/// [bias, gelu, add]
static ParseResult parseEpilogue(OpAsmParser &parser, ArrayAttr &epilogue) {
  SmallVector<Attribute> steps;
  auto parseStep = [&]() -> ParseResult {
    StringRef word;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&word))
      return failure();
    auto kind = symbolizeEpilogueKind(word);
    if (!kind)
      return parser.emitError(loc, "unknown epilogue step '") << word << "'";
    steps.push_back(EpilogueKindAttr::get(parser.getContext(), *kind));
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square, parseStep))
    return failure();
  epilogue = ArrayAttr::get(parser.getContext(), steps);
  return success();
}

static void printEpilogue(OpAsmPrinter &printer, Operation *,
                          ArrayAttr epilogue) {
  printer << "[";
  llvm::interleaveComma(epilogue, printer, [&](Attribute step) {
    printer << stringifyEpilogueKind(cast<EpilogueKindAttr>(step).getValue());
  });
  printer << "]";
}

/// `-> type` of a linear layer, f32 of the inferred shape where it is missing.
static ParseResult parseLinearResult(OpAsmParser &parser, Type &result,
                                     Type input, Type weight) {
  if (succeeded(parser.parseOptionalArrow()))
    return parser.parseType(result);
  result = inferLinearResult(input, weight);
  if (!result)
    return parser.emitError(parser.getNameLoc(),
                            "expected an input of rank at least 1 and a "
                            "weight of rank 2, got ")
           << input << " and " << weight;
  return success();
}

static void printLinearResult(OpAsmPrinter &printer, Operation *, Type result,
                              Type input, Type weight) {
  if (result != inferLinearResult(input, weight))
    printer << "-> " << result;
}

#define GET_OP_CLASSES
#include "qnt/Dialect/QNT/QNTOps.cpp.inc"

static bool isActivationLayout(Attribute layout) {
  return !layout || isa<RowsAttr, ImageAttr>(layout);
}

//===----------------------------------------------------------------------===//
// QuantizeOp, DequantizeOp, DimOp, PackOp
//===----------------------------------------------------------------------===//

/// That scales and zero points have the type's scale shape, in f32.
static LogicalResult verifyScales(Operation *op, QTensorType type, Value scale,
                                  Value zero) {
  for (Value operand : {scale, zero}) {
    if (!operand)
      continue;
    auto tensor = cast<RankedTensorType>(operand.getType());
    if (tensor.getShape() != ArrayRef<int64_t>(type.getScaleShape()) ||
        !tensor.getElementType().isF32())
      return op->emitOpError("expected f32 scales and zero points of the shape "
                             "of the type's scales, got ")
             << tensor;
  }
  return success();
}

LogicalResult QuantizeOp::verify() {
  QTensorType type = getResult().getType();
  if (getInput().getType().getShape() != type.getShape()) // (C1)
    return emitOpError("expected one shape, got ")
           << getInput().getType() << " and " << type;
  if (bool(getZero()) != (getScale() && type.hasZeros())) // (C2)
    return emitOpError("expected a zero operand exactly when there is a scale "
                       "operand and the type has zero points or offsets");
  if (failed(verifyScales(*this, type, getScale(), getZero()))) // (C3)
    return failure();
  if (!isActivationLayout(type.getLayout())) // (C4)
    return emitOpError("expected a result without a packed layout, got ")
           << type;
  bool isGPTQ = getRounding() == Rounding::GPTQ;
  if (bool(getMoment()) != (isGPTQ || getClip() == ClipMethod::Output)) // (C5)
    return emitOpError("expected a second moment exactly for clip output and "
                       "rounding gptq");
  if (getMoment()) {
    RankedTensorType weight = getInput().getType();
    RankedTensorType moment = getMoment().getType();
    if (!weight.hasStaticShape() || weight.getRank() < 2) // (C5)
      return emitOpError("expected a static weight of rank 2 or more, got ")
             << weight;
    int64_t inputs = weight.getNumElements() / weight.getDimSize(0);
    int64_t groups = moment.getRank() == 3 ? moment.getDimSize(0) : 1;
    bool isSquare =
        moment.getRank() >= 2 &&
        moment.getShape().take_back(2) == ArrayRef<int64_t>{inputs, inputs};
    if (!isSquare || moment.getRank() > 3 || groups < 1 ||
        weight.getDimSize(0) % groups ||
        !moment.getElementType().isF32()) // (C5)
      return emitOpError("expected a second moment tensor<")
             << inputs << "x" << inputs
             << "xf32>, or one for each group of rows, got " << moment;
  }
  if (getClip() == ClipMethod::HQQ && !type.hasOffsets()) // (C6)
    return emitOpError("expected a type with offsets for clip hqq, got ")
           << type;
  double damp = getDamp().convertToDouble();
  if (!isGPTQ && (getActOrder() || damp != 0)) // (C7)
    return emitOpError("expected act_order and damp with rounding gptq alone");
  if (!(damp >= 0)) // (C7)
    return emitOpError("expected a damp that is not negative, got ") << damp;
  if (getClip() == ClipMethod::AbsMean) { // (C8)
    auto format = dyn_cast<IntFormatAttr>(type.getFormat());
    if (!format || format.getWidth() != 2 || !format.getIsSigned() ||
        type.getZeroKind() != ZeroKind::None || isGPTQ || getScale())
      return emitOpError(
                 "expected int2 without zero points, rounded to nearest, "
                 "for clip absmean, got ")
             << type;
  }
  if (type.hasSmallScales() && (getScale() || getMoment())) // (C9)
    return emitOpError("expected scales of 8 bits to be found from their "
                       "blocks alone, got ")
           << type;
  return success();
}

LogicalResult DequantizeOp::verify() {
  if (getInput().getType().getShape() !=
      getResult().getType().getShape()) // (C1)
    return emitOpError("expected one shape, got ")
           << getInput().getType() << " and " << getResult().getType();
  return success();
}

OpFoldResult DequantizeOp::fold(FoldAdaptor) {
  // Formats without loss: the codes are the numbers.
  if (auto quantize = getInput().getDefiningOp<QuantizeOp>()) {
    auto format = dyn_cast<FloatFormatAttr>(getInput().getType().getFormat());
    if (format && format.getName() == "f32" &&
        quantize.getInput().getType() == getResult().getType())
      return quantize.getInput();
  }
  return {};
}

LogicalResult DimOp::verify() {
  auto dimension = int64_t(getDimension());
  if (dimension < 0 || dimension >= getInput().getType().getRank()) // (C1)
    return emitOpError("expected a dimension below ")
           << getInput().getType().getRank() << ", got " << dimension;
  return success();
}

OpFoldResult DimOp::fold(FoldAdaptor) {
  int64_t size = getInput().getType().getShape()[getDimension()];
  if (ShapedType::isDynamic(size))
    return {};
  return IntegerAttr::get(IndexType::get(getContext()), size);
}

void DimOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *) {
  patterns.add(+[](DimOp op, PatternRewriter &rewriter) -> LogicalResult {
    auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
    if (!quantize)
      return rewriter.notifyMatchFailure(op, "not of a quantize op");
    Value index = arith::ConstantIndexOp::create(rewriter, op.getLoc(),
                                                 op.getDimension());
    rewriter.replaceOpWithNewOp<tensor::DimOp>(op, quantize.getInput(), index);
    return success();
  });
}

LogicalResult PackOp::verify() {
  QTensorType from = getInput().getType(), to = getResult().getType();
  if (from.withLayout({}) != to.withLayout({})) // (C1)
    return emitOpError("expected types that differ only in layout, got ")
           << from << " and " << to;
  if (from.getLayout() || !to.getLayout()) // (C2)
    return emitOpError("expected a layout on the result only");
  return success();
}

//===----------------------------------------------------------------------===//
// CodesOp, WrapOp
//===----------------------------------------------------------------------===//

/// That `codes` holds the codes of `type`.
static LogicalResult verifyCodes(Operation *op, QTensorType type,
                                 RankedTensorType codes) {
  if (type.getShape() != codes.getShape()) // (C1)
    return op->emitOpError("expected one shape, got ")
           << type << " and " << codes;
  if (!type.isInteger() ||
      codes.getElementTypeBitWidth() < type.getFormat().getBits()) // (C2)
    return op->emitOpError("expected an integer format and integers that hold "
                           "its codes, got ")
           << type << " and " << codes;
  return success();
}

LogicalResult CodesOp::verify() {
  return verifyCodes(*this, getInput().getType(), getResult().getType());
}

OpFoldResult CodesOp::fold(FoldAdaptor) {
  auto wrap = getInput().getDefiningOp<WrapOp>();
  if (wrap && wrap.getCodes().getType() == getResult().getType())
    return wrap.getCodes();
  return {};
}

LogicalResult WrapOp::verify() {
  QTensorType type = getResult().getType();
  if (failed(verifyCodes(*this, type, getCodes().getType())))
    return failure();
  if (bool(getZero()) != type.hasZeros()) // (C3)
    return emitOpError("expected a zero operand exactly when the type has zero "
                       "points or offsets");
  return verifyScales(*this, type, getScale(), getZero());
}

//===----------------------------------------------------------------------===//
// EmbeddingOp
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto table = dyn_cast<QTensorType>(adaptor.getTable().getType());
  auto ids = dyn_cast<RankedTensorType>(adaptor.getIds().getType());
  if (!table || !ids || table.getRank() != 2) // (C1)
    return emitOptionalError(loc, "expected a table of rank 2, got ",
                             adaptor.getTable().getType());
  SmallVector<int64_t> shape(ids.getShape());
  shape.push_back(table.getShape()[1]);
  types.push_back(RankedTensorType::get(shape, Float32Type::get(context)));
  return success();
}

LogicalResult EmbeddingOp::verify() {
  QTensorType table = getTable().getType();
  if (!table.hasStaticShape()) // (C1)
    return emitOpError("expected a static table, got ") << table;
  return success();
}
