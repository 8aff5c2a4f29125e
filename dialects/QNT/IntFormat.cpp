//===- IntFormat.cpp - integers of few bits -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include <cmath>

using namespace mlir;
using namespace qnt;

LogicalResult
IntFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      unsigned width, bool isSigned) {
  if ((width < 1 || width > 8) && !(width == 16 && isSigned)) // (C1)
    return emitError() << "expected an integer of 1 to 8 bits, or 16 with a "
                          "sign, got "
                       << width;
  return success();
}

std::string IntFormatAttr::getName() const {
  return (getIsSigned() ? "int" : "uint") + std::to_string(getWidth());
}

unsigned IntFormatAttr::getBits() const { return getWidth(); }

DecodeSpec IntFormatAttr::getDecodeSpec() const {
  DecodeSpec spec;
  spec.map = DecodeSpec::Map::Affine;
  spec.bits = getWidth();
  bool bipolar = getIsSigned() && getWidth() == 1;
  spec.isSigned = getIsSigned() && !bipolar;
  spec.multiplier = bipolar ? 2 : 1;
  spec.offset = bipolar ? -1 : 0;
  return spec;
}

float IntFormatAttr::getMax() const {
  if (getWidth() == 1)
    return 1;
  return float((1 << (getWidth() - (getIsSigned() ? 1 : 0))) - 1);
}

float IntFormatAttr::getMin() const {
  if (!getIsSigned())
    return 0;
  return getWidth() == 1 ? -1.0f : -float(1 << (getWidth() - 1));
}

uint32_t IntFormatAttr::encode(float value) const {
  if (std::isnan(value))
    value = 0;
  if (getWidth() == 1 && getIsSigned())
    return value >= 0 ? 1 : 0;
  float rounded = std::nearbyint(value);
  int code = int(std::min(std::max(rounded, getMin()), getMax()));
  return uint32_t(code) & ((1u << getWidth()) - 1);
}

float IntFormatAttr::decode(uint32_t code) const {
  DecodeSpec spec = getDecodeSpec();
  int value = int(code & ((1u << getWidth()) - 1));
  if (spec.isSigned && (value >> (getWidth() - 1)))
    value -= 1 << getWidth();
  return float(spec.multiplier * value + spec.offset);
}

bool IntFormatAttr::isScaled() const { return true; }

bool IntFormatAttr::isLegalBlock(int64_t length) const {
  return length > 0 && length % 16 == 0;
}

/// int1 to int8, uint1 to uint8, int16.
static NumberFormat parseName(StringRef name, MLIRContext *context) {
  unsigned width = 0;
  bool isUnsigned = name.consume_front("u");
  if (!name.consume_front("int") || name.starts_with("0") ||
      name.getAsInteger(10, width) || width < 1 ||
      (width > 8 && (width != 16 || isUnsigned)))
    return {};
  return IntFormatAttr::get(context, width, !isUnsigned);
}

namespace qnt {
void registerIntFormats(QNTDialect &dialect) { dialect.addFormats(parseName); }
} // namespace qnt
