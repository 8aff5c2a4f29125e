//===- QNTTypes.cpp - attributes and types of qnt -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;

#define GET_ATTRDEF_CLASSES
#include "qnt/Dialect/QNT/QNTAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "qnt/Dialect/QNT/QNTTypes.cpp.inc"

void QNTDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qnt/Dialect/QNT/QNTAttrs.cpp.inc"
      >();
}

void QNTDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "qnt/Dialect/QNT/QNTTypes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// NumberFormat
//===----------------------------------------------------------------------===//

static NumberFormat parseFormatName(AsmParser &parser) {
  StringRef word;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return {};
  if (NumberFormat format = parseFormat(word, parser.getContext()))
    return format;
  parser.emitError(loc, "unknown number format '") << word << "'";
  return {};
}

Attribute QNTDialect::parseAttribute(DialectAsmParser &parser,
                                     Type type) const {
  Attribute attribute;
  StringRef word;
  SMLoc loc = parser.getCurrentLocation();
  if (generatedAttributeParser(parser, &word, type, attribute).has_value())
    return attribute;
  if (word != "format") {
    parser.emitError(loc, "unknown attribute '#qnt.") << word << "'";
    return {};
  }
  if (parser.parseLess())
    return {};
  NumberFormat format = parseFormatName(parser);
  if (!format || parser.parseGreater())
    return {};
  return format;
}

void QNTDialect::printAttribute(Attribute attribute,
                                DialectAsmPrinter &printer) const {
  if (succeeded(generatedAttributePrinter(attribute, printer)))
    return;
  printer << "format<" << cast<NumberFormat>(attribute).getName() << ">";
}

//===----------------------------------------------------------------------===//
// BlockAttr
//===----------------------------------------------------------------------===//

LogicalResult BlockAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                BlockKind kind, int64_t group) {
  if (kind == BlockKind::Group && (group <= 0 || group % 16)) // (C1)
    return emitError() << "expected a group of a positive multiple of 16, got "
                       << group;
  return success();
}

static void printBlock(llvm::raw_ostream &os, BlockAttr block) {
  switch (block.getKind()) {
  case BlockKind::Unscaled:
    os << "unscaled";
    return;
  case BlockKind::PerTensor:
    os << "per_tensor";
    return;
  case BlockKind::PerChannel:
    os << "per_channel";
    return;
  case BlockKind::PerRow:
    os << "per_row";
    return;
  case BlockKind::Group:
    os << "group<" << block.getGroup() << ">";
    return;
  }
}

static BlockAttr parseBlock(AsmParser &parser) {
  StringRef word;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return {};
  auto get = [&](BlockKind kind, int64_t group = 0) {
    return BlockAttr::getChecked([&] { return parser.emitError(loc); },
                                 parser.getContext(), kind, group);
  };
  if (word == "unscaled")
    return get(BlockKind::Unscaled);
  if (word == "per_tensor")
    return get(BlockKind::PerTensor);
  if (word == "per_channel")
    return get(BlockKind::PerChannel);
  if (word == "per_row")
    return get(BlockKind::PerRow);
  if (word == "group") {
    int64_t group;
    if (parser.parseLess() || parser.parseInteger(group) ||
        parser.parseGreater())
      return {};
    return get(BlockKind::Group, group);
  }
  parser.emitError(loc, "expected unscaled, per_tensor, per_channel, per_row "
                        "or group<n>, got ")
      << word;
  return {};
}

Attribute BlockAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  BlockAttr block = parseBlock(parser);
  if (!block || parser.parseGreater())
    return {};
  return block;
}

void BlockAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printBlock(printer.getStream(), *this);
  printer << ">";
}

LogicalResult PanelsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t columns, bool) {
  if (columns <= 0) // (C1)
    return emitError() << "expected a positive number of columns, got "
                       << columns;
  return success();
}

LogicalResult
FragmentsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      int64_t columns, int64_t quad, bool) {
  if (columns <= 0 || columns % 8 || (quad != 2 && quad != 4 && quad != 8))
    return emitError() << "expected columns that are a multiple of 8 and quads "
                          "of 2, 4 or 8, got " // (C1)
                       << columns << " and " << quad;
  return success();
}

LogicalResult RowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t pad, int64_t sums, int64_t) {
  if (pad <= 0 || sums < 0) // (C1)
    return emitError() << "expected a positive padding and sums of at least 0, "
                          "got "
                       << pad << " and " << sums;
  return success();
}

LogicalResult FiltersAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t columns, int64_t channels,
                                  int64_t taps, int64_t features) {
  if (columns <= 0 || channels <= 0 || taps <= 0 || features < 0) // (C1)
    return emitError() << "expected positive columns, channels and taps and "
                          "features of at least 0";
  return success();
}

LogicalResult ImageAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t channels, ArrayRef<int64_t> halo) {
  if (channels <= 0 || halo.size() != 4 ||
      !llvm::all_of(halo, [](int64_t size) { return size >= 0; })) // (C1)
    return emitError() << "expected positive channels and a halo of four "
                          "numbers that are not negative";
  return success();
}

LogicalResult
ConvStrategyAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                         StringRef, int64_t lines, int64_t pixels,
                         int64_t panels, int64_t block, bool) {
  if (lines <= 0 || pixels <= 0 || panels <= 0 || block <= 0) // (C1)
    return emitError() << "expected positive lines, pixels, panels and block";
  return success();
}

static bool isIncreasing(ArrayRef<int64_t> rows) {
  return std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) ==
         rows.end();
}

LogicalResult
PanelStrategyAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                          StringRef, ArrayRef<int64_t> rows,
                          ArrayRef<int64_t> panels) {
  if (rows.empty() || rows.front() != 1 || rows.size() != panels.size() ||
      !isIncreasing(rows) ||
      !llvm::all_of(panels, [](int64_t p) { return p > 0; })) // (C1)
    return emitError() << "expected rows that increase from 1 and as many "
                          "positive panels";
  return success();
}

LogicalResult
BlockStrategyAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                          ArrayRef<int64_t> rows, ArrayRef<int64_t> blockM,
                          ArrayRef<int64_t> blockN, ArrayRef<int64_t> warpsM,
                          ArrayRef<int64_t> warpsN, ArrayRef<int64_t> stages,
                          ArrayRef<int64_t> splits) {
  auto fits = [&](ArrayRef<int64_t> numbers) {
    return numbers.size() == rows.size() &&
           llvm::all_of(numbers, [](int64_t number) { return number > 0; });
  };
  if (rows.empty() || !isIncreasing(rows) ||
      !llvm::all_of(ArrayRef<ArrayRef<int64_t>>{rows, blockM, blockN, warpsM,
                                                warpsN, stages, splits},
                    fits)) // (C1)
    return emitError() << "expected rows that increase and as many positive "
                          "numbers of everything else";
  return success();
}

//===----------------------------------------------------------------------===//
// QTensorType
//===----------------------------------------------------------------------===//

static Type parseTensor(AsmParser &parser) {
  SmallVector<int64_t> shape;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/true,
                                /*withTrailingX=*/false) ||
      parser.parseComma())
    return {};
  NumberFormat format = parseFormatName(parser);
  if (!format || parser.parseComma())
    return {};
  BlockAttr block = parseBlock(parser);
  if (!block)
    return {};
  Type scaleType;
  ZeroKind zero = ZeroKind::None;
  Attribute layout;
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc partLoc = parser.getCurrentLocation();
    if (!scaleType && succeeded(parser.parseOptionalKeyword("scale"))) {
      if (parser.parseType(scaleType))
        return {};
    } else if (zero == ZeroKind::None &&
               succeeded(parser.parseOptionalKeyword("zero"))) {
      zero = ZeroKind::Point;
    } else if (zero == ZeroKind::None &&
               succeeded(parser.parseOptionalKeyword("offset"))) {
      zero = ZeroKind::Offset;
    } else if (layout) {
      parser.emitError(partLoc, "expected '>' after the layout");
      return {};
    } else if (parser.parseAttribute(layout)) {
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return QTensorType::getChecked([&] { return parser.emitError(loc); },
                                 parser.getContext(), shape, format, block,
                                 scaleType, zero, layout);
}

static void printTensor(AsmPrinter &printer, QTensorType type) {
  printer << "<";
  printer.printDimensionList(type.getShape());
  printer << ", " << type.getFormat().getName() << ", ";
  printBlock(printer.getStream(), type.getBlock());
  if (type.getScaleType())
    printer << ", scale " << type.getScaleType();
  if (type.hasZeros())
    printer << (type.hasOffsets() ? ", offset" : ", zero");
  if (type.getLayout())
    printer << ", " << type.getLayout();
  printer << ">";
}

Type QNTDialect::parseType(DialectAsmParser &parser) const {
  StringRef word;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return {};
  if (word == "tensor")
    return parseTensor(parser);
  parser.emitError(loc, "unknown type '!qnt.") << word << "'";
  return {};
}

void QNTDialect::printType(Type type, DialectAsmPrinter &printer) const {
  printer << "tensor";
  printTensor(printer, cast<QTensorType>(type));
}

LogicalResult QTensorType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<int64_t> shape, NumberFormat format,
                                  BlockAttr block, Type scaleType,
                                  ZeroKind zeroKind, Attribute layout) {
  if (shape.empty()) // (C1)
    return emitError() << "expected a quantised tensor of rank at least 1";
  BlockKind kind = block.getKind();
  if ((kind == BlockKind::Unscaled) == format.isScaled()) // (C2)
    return emitError() << "format " << format.getName()
                       << (format.isScaled() ? " needs a scaled block"
                                             : " has no scale, expected "
                                               "unscaled");
  if (kind == BlockKind::Group && !format.isLegalBlock(block.getGroup()))
    return emitError() << "format " << format.getName()
                       << " cannot share a scale in groups of "
                       << block.getGroup();
  bool isSmall =
      isa_and_present<Float8E4M3FNType, Float8E8M0FNUType>(scaleType);
  if ((kind != BlockKind::Unscaled) != bool(scaleType) ||
      (scaleType && !isSmall &&
       !(scaleType.isF16() || scaleType.isBF16() || scaleType.isF32()))) // (C3)
    return emitError() << "expected f16, bf16 or f32 scales for scaled blocks "
                          "only";
  if (isSmall && (kind != BlockKind::Group || zeroKind != ZeroKind::None))
    return emitError() << "expected scales of 8 bits for groups without zero "
                          "points or offsets only, got "
                       << scaleType; // (C3)
  if (zeroKind != ZeroKind::None &&
      (!scaleType || !isa<IntFormatAttr>(format))) // (C4)
    return emitError() << (zeroKind == ZeroKind::Point ? "zero points"
                                                       : "offsets")
                       << " need an integer format with scales";
  auto integer = dyn_cast<IntFormatAttr>(format);
  if (integer && integer.getWidth() > 8 &&
      (kind != BlockKind::PerTensor || zeroKind != ZeroKind::None ||
       layout)) // (C7)
    return emitError() << "expected integers of at most 8 bits, or of 16 "
                          "per_tensor without zero points, offsets and layout, "
                          "got "
                       << format.getName();
  if (kind == BlockKind::PerChannel && shape.size() < 2) // (C5)
    return emitError() << "per_channel needs rank 2 or more";
  if (layout && !isa<Layout, RowsAttr, ImageAttr>(layout)) // (C6)
    return emitError() << "expected a layout, got " << layout;
  if (isa_and_present<ImageAttr>(layout) &&
      (kind != BlockKind::PerTensor || !isa<IntFormatAttr>(format) ||
       shape.back() > cast<ImageAttr>(layout).getChannels()))
    return emitError() << "expected integers per_tensor that fit the channels "
                          "in "
                       << layout;
  if (isSmall && layout && !isa<FragmentsAttr, RowsAttr>(layout))
    return emitError() << "expected scales of 16 or 32 bits in " << layout
                       << ", got " << scaleType;
  unsigned bits = format.getBits();
  if (isa_and_present<PanelsAttr>(layout) &&
      (shape.size() != 2 || llvm::any_of(shape, ShapedType::isDynamic) ||
       (bits > 8 && bits != 16 && bits != 32)))
    return emitError() << "expected a static tensor of rank 2 and a format of "
                          "up to 8, 16 or 32 bits in "
                       << layout;
  if (auto fragments = dyn_cast_if_present<FragmentsAttr>(layout))
    if (shape.size() != 2 || llvm::any_of(shape, ShapedType::isDynamic) ||
        int64_t(bits) * fragments.getQuad() > 32)
      return emitError()
             << "expected a static tensor of rank 2 and a format of "
                "up to "
             << 32 / fragments.getQuad() << " bits in " << layout;
  if (isa_and_present<RowsAttr, ImageAttr, FiltersAttr>(layout) &&
      zeroKind == ZeroKind::Offset)
    return emitError() << "expected zero points or none in " << layout
                       << ", got offsets";
  if (auto filters = dyn_cast_if_present<FiltersAttr>(layout)) {
    int64_t taps = shape.size() == 4 ? shape[1] * shape[2] : 1;
    if ((shape.size() != 4 && shape.size() != 2) ||
        llvm::any_of(shape, ShapedType::isDynamic) ||
        (bits > 8 && bits != 16 && bits != 32) || kind == BlockKind::Group ||
        kind == BlockKind::PerRow || shape.back() > filters.getChannels() ||
        taps % filters.getTaps() ||
        (filters.getFeatures() && shape[0] % filters.getFeatures()))
      return emitError() << "expected a static tensor of rank 4 or 2 without "
                            "groups, a format of up to 8, 16 or 32 bits and a "
                            "shape that fits in "
                         << layout;
  }
  return success();
}

SmallVector<int64_t> QTensorType::getScaleShape() const {
  ArrayRef<int64_t> shape = getShape();
  SmallVector<int64_t> result;
  switch (getBlock().getKind()) {
  case BlockKind::Unscaled:
    return {0};
  case BlockKind::PerTensor:
    return {};
  case BlockKind::PerChannel:
    return {shape.front()};
  case BlockKind::PerRow:
    llvm::append_range(result, shape.drop_back());
    return result;
  case BlockKind::Group:
    llvm::append_range(result, shape.drop_back());
    result.push_back(getGroupsPerRow());
    return result;
  }
  llvm_unreachable("unknown BlockKind");
}

int64_t QTensorType::getGroupSize() const {
  return getBlock().getKind() == BlockKind::Group ? getBlock().getGroup()
                                                  : getShape().back();
}

int64_t QTensorType::getGroupsPerRow() const {
  int64_t last = getShape().back();
  if (getBlock().getKind() != BlockKind::Group)
    return 1;
  if (ShapedType::isDynamic(last))
    return ShapedType::kDynamic;
  return llvm::divideCeil(last, getBlock().getGroup());
}

QTensorType QTensorType::withLayout(Attribute layout) const {
  return get(getContext(), getShape(), getFormat(), getBlock(), getScaleType(),
             getZeroKind(), layout);
}

QTensorType QTensorType::withShape(ArrayRef<int64_t> shape) const {
  return get(getContext(), shape, getFormat(), getBlock(), getScaleType(),
             getZeroKind(), getLayout());
}

bool QTensorType::isInteger() const { return isa<IntFormatAttr>(getFormat()); }

bool QTensorType::hasSmallScales() const {
  return isa_and_present<Float8E4M3FNType, Float8E8M0FNUType>(getScaleType());
}

bool QTensorType::hasRowScales() const {
  return isa_and_present<Float8E4M3FNType>(getScaleType());
}

double QTensorType::getBitsPerElement() const {
  double bits = getFormat().getBits();
  if (!getScaleType())
    return bits;
  double overhead =
      getScaleType().getIntOrFloatBitWidth() + (hasOffsets() ? 32.0
                                                : hasZeros() ? 8.0
                                                             : 0.0);
  switch (getBlock().getKind()) {
  case BlockKind::Unscaled:
  case BlockKind::PerTensor:
    return bits;
  case BlockKind::PerChannel: {
    double elements = 1;
    for (int64_t dim : getShape().drop_front())
      elements *= dim;
    return bits + overhead / elements;
  }
  case BlockKind::PerRow:
    return bits + overhead / getShape().back();
  case BlockKind::Group: {
    double ofRow = hasRowScales() ? 32.0 : 0.0;
    return bits + (overhead * getGroupsPerRow() + ofRow) / getShape().back();
  }
  }
  llvm_unreachable("unknown BlockKind");
}
