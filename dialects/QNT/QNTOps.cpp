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

//===----------------------------------------------------------------------===//
// Epilogue syntax: [bias, gelu, add]
//===----------------------------------------------------------------------===//

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

#define GET_OP_CLASSES
#include "qnt/Dialect/QNT/QNTOps.cpp.inc"

static bool isActivationLayout(Attribute layout) {
  return !layout || isa<RowsAttr>(layout);
}

//===----------------------------------------------------------------------===//
// QuantizeOp, DequantizeOp, DimOp, PackOp
//===----------------------------------------------------------------------===//

LogicalResult QuantizeOp::verify() {
  QTensorType type = getResult().getType();
  if (getInput().getType().getShape() != type.getShape()) // (C1)
    return emitOpError("expected one shape, got ")
           << getInput().getType() << " and " << type;
  if (bool(getZero()) != (getScale() && type.getZeroPoint())) // (C2)
    return emitOpError("expected a zero operand exactly when there is a scale "
                       "operand and the type has zero points");
  for (Value operand : {getScale(), getZero()}) {
    if (!operand)
      continue;
    auto tensor = cast<RankedTensorType>(operand.getType());
    if (tensor.getShape() != ArrayRef<int64_t>(type.getScaleShape()) ||
        !tensor.getElementType().isF32()) // (C3)
      return emitOpError("expected f32 scales and zero points of the shape of "
                         "the type's scales, got ")
             << tensor;
  }
  if (!isActivationLayout(type.getLayout())) // (C4)
    return emitOpError("expected a result without a packed layout, got ")
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
// LinearOp, EmbeddingOp
//===----------------------------------------------------------------------===//

static ArrayRef<int64_t> getShape(Type type) {
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.getShape();
  return cast<RankedTensorType>(type).getShape();
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto weight = dyn_cast<QTensorType>(adaptor.getWeight().getType());
  Type input = adaptor.getInput().getType();
  if (!weight || weight.getRank() != 2 ||
      !isa<QTensorType, RankedTensorType>(input) ||
      getShape(input).empty()) // (C1)
    return emitOptionalError(loc,
                             "expected an input of rank at least 1 and a "
                             "weight of rank 2, got ",
                             input, " and ", adaptor.getWeight().getType());
  SmallVector<int64_t> shape(getShape(input));
  shape.back() = weight.getShape()[0];
  types.push_back(RankedTensorType::get(shape, Float32Type::get(context)));
  return success();
}

LogicalResult LinearOp::verify() {
  QTensorType weight = getWeight().getType();
  if (!weight.hasStaticShape()) // (C1)
    return emitOpError("expected a static weight, got ") << weight;
  if (::getShape(getInput().getType()).back() != weight.getShape()[1])
    return emitOpError("expected ")
           << weight.getShape()[1] << " input features, got "
           << getInput().getType();
  if (auto input = dyn_cast<QTensorType>(getInput().getType())) { // (C2)
    BlockKind kind = input.getBlock().getKind();
    if (!input.isInteger() || !weight.isInteger() ||
        (kind != BlockKind::PerRow && kind != BlockKind::PerTensor))
      return emitOpError("expected integer codes on both sides and an input "
                         "quantised per row or per tensor, got ")
             << input << " and " << weight;
  }
  if (weight.getBlock().getKind() == BlockKind::PerRow) // (C4)
    return emitOpError("expected a per_channel weight, got ") << weight;
  auto quantized = dyn_cast<QTensorType>(getInput().getType());
  if ((quantized && !isActivationLayout(quantized.getLayout())) ||
      isa_and_present<RowsAttr>(weight.getLayout())) // (C5)
    return emitOpError("expected a weight's layout on the weight and an "
                       "activation's on the input, got ")
           << weight.getLayout() << " on the weight of "
           << getInput().getType();
  auto operands = getExtra().begin(), end = getExtra().end();
  for (Attribute step : getEpilogue()) { // (C3)
    EpilogueKind kind = cast<EpilogueKindAttr>(step).getValue();
    if (kind != EpilogueKind::Bias && kind != EpilogueKind::Add &&
        kind != EpilogueKind::Mul)
      continue;
    if (operands == end)
      return emitOpError("expected an operand for epilogue step ")
             << stringifyEpilogueKind(kind);
    auto type = cast<RankedTensorType>((*operands++).getType());
    ArrayRef<int64_t> expected = getResult().getType().getShape();
    if (kind == EpilogueKind::Bias)
      expected = expected.take_back(1);
    if (type.getShape() != expected)
      return emitOpError("expected an operand of shape [")
             << expected << "] for epilogue step "
             << stringifyEpilogueKind(kind) << ", got " << type;
  }
  if (operands != end)
    return emitOpError("has more operands than epilogue steps that take one");
  return success();
}

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
