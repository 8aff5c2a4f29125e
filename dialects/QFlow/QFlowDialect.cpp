//===- QFlowDialect.cpp - the qflow dialect and its types -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QFlow/QFlow.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt::qflow;

#include "qnt/Dialect/QFlow/QFlowDialect.cpp.inc"
#include "qnt/Dialect/QFlow/QFlowEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "qnt/Dialect/QFlow/QFlowTypes.cpp.inc"

void QFlowDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "qnt/Dialect/QFlow/QFlowTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "qnt/Dialect/QFlow/QFlowOps.cpp.inc"
      >();
}

int64_t qnt::qflow::countBits(Type word) {
  auto vector = dyn_cast<VectorType>(word);
  return getElementTypeOrSelf(word).getIntOrFloatBitWidth() *
         (vector ? vector.getNumElements() : 1);
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

/// Upstream's parser takes types behind dimensions as it finds them.
Type StreamType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  SMLoc loc;
  IntegerType element;
  int64_t lanes = 1;
  if (parser.parseLess() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.getCurrentLocation(&loc) || parser.parseType(element) ||
      parser.parseComma() || parser.parseInteger(lanes) ||
      parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    shape, element, lanes);
}

void StreamType::print(AsmPrinter &printer) const {
  printer << '<';
  printer.printDimensionList(getShape());
  printer << 'x' << getElement() << ", " << getLanes() << '>';
}

LogicalResult StreamType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, IntegerType element,
                                 int64_t lanes) {
  if (shape.empty() || llvm::any_of(shape, [](int64_t n) { return n < 1; }))
    return emitError() << "expected a frame of positive dimensions"; // (C1)
  if (element.isSignless())
    return emitError() << "expected signed or unsigned integers, such as si8 "
                          "or ui8, got "
                       << element; // (C2)
  if (lanes < 1 || shape.back() % lanes)
    return emitError() << "expected lanes that divide the last dimension, "
                       << shape.back() << ", got " << lanes; // (C3)
  if (int64_t(element.getWidth()) * lanes > maxWordBits)
    return emitError() << "expected words of at most " << maxWordBits
                       << " bits, got "
                       << int64_t(element.getWidth()) * lanes; // (C4)
  return success();
}

int64_t StreamType::getElements() const { return llvm::product_of(getShape()); }

Type StreamType::getWordType() const {
  auto element = IntegerType::get(getContext(), getElement().getWidth());
  if (getLanes() == 1)
    return element;
  return VectorType::get(getLanes(), element);
}

//===----------------------------------------------------------------------===//
// Memories
//===----------------------------------------------------------------------===//

LogicalResult MemoryType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t depth, Type word) {
  if (depth < 1)
    return emitError() << "expected a positive depth, got " << depth; // (C1)
  auto vector = dyn_cast<VectorType>(word);
  if (!getElementTypeOrSelf(word).isSignlessInteger() ||
      !(vector || isa<IntegerType>(word)) || (vector && vector.isScalable()) ||
      countBits(word) > maxWordBits)
    return emitError() << "expected words that are signless integers or "
                          "vectors of such, of at most "
                       << maxWordBits << " bits, got " << word; // (C2)
  return success();
}

int64_t MemoryType::getWordBits() const { return countBits(getWord()); }

IntegerType MemoryType::getAddressType() const {
  return IntegerType::get(getContext(), ProcessOp::getIndexBits(getDepth()));
}
