//===- Formats.cpp - number formats and their reference codecs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace qnt;

#include "qnt/Dialect/QNT/QNTFormatInterfaces.cpp.inc"

llvm::StringRef qnt::stringifyFloatSpecial(FloatSpecial special) {
  switch (special) {
  case FloatSpecial::IEEE:
    return "ieee";
  case FloatSpecial::FN:
    return "fn";
  case FloatSpecial::Finite:
    return "finite";
  }
  llvm_unreachable("unknown FloatSpecial");
}

std::optional<FloatSpecial> qnt::symbolizeFloatSpecial(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<FloatSpecial>>(name)
      .Case("ieee", FloatSpecial::IEEE)
      .Case("fn", FloatSpecial::FN)
      .Case("finite", FloatSpecial::Finite)
      .Default(std::nullopt);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

LogicalResult
IntFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      unsigned width, bool) {
  if (width < 1 || width > 8) // (C1)
    return emitError() << "expected an integer of 1 to 8 bits, got " << width;
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

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

LogicalResult
FloatFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        unsigned exponent, unsigned mantissa,
                        FloatSpecial special) {
  if (exponent < 1 || exponent > 8 || mantissa > 23) // (C1)
    return emitError() << "expected 1 to 8 exponent and 0 to 23 mantissa bits, "
                          "got "
                       << exponent << " and " << mantissa;
  if (special == FloatSpecial::IEEE && mantissa == 0) // (C2)
    return emitError() << "expected a mantissa in an ieee format";
  return success();
}

std::string FloatFormatAttr::getName() const {
  unsigned e = getExponent(), m = getMantissa();
  if (getSpecial() == FloatSpecial::IEEE) {
    if (e == 8 && m == 23)
      return "f32";
    if (e == 5 && m == 10)
      return "f16";
    if (e == 8 && m == 7)
      return "bf16";
  }
  std::string name = "e" + std::to_string(e) + "m" + std::to_string(m);
  // The usual reading of a name: what the OCP specifications define.
  FloatSpecial usual = e == 4 && m == 3 ? FloatSpecial::FN
                       : 1 + e + m >= 8 ? FloatSpecial::IEEE
                                        : FloatSpecial::Finite;
  if (getSpecial() != usual)
    name += "_" + stringifyFloatSpecial(getSpecial()).str();
  return name;
}

unsigned FloatFormatAttr::getBits() const {
  return 1 + getExponent() + getMantissa();
}

DecodeSpec FloatFormatAttr::getDecodeSpec() const {
  DecodeSpec spec;
  spec.map = DecodeSpec::Map::MiniFloat;
  spec.bits = getBits();
  spec.exponent = getExponent();
  spec.mantissa = getMantissa();
  spec.special = getSpecial();
  return spec;
}

/// The code of the largest finite number.
static uint32_t maxCode(FloatFormatAttr format) {
  uint32_t all = (1u << (format.getExponent() + format.getMantissa())) - 1;
  switch (format.getSpecial()) {
  case FloatSpecial::IEEE:
    return all - (1u << format.getMantissa());
  case FloatSpecial::FN:
    return all - 1;
  case FloatSpecial::Finite:
    return all;
  }
  llvm_unreachable("unknown FloatSpecial");
}

float FloatFormatAttr::getMax() const { return decode(maxCode(*this)); }
float FloatFormatAttr::getMin() const { return -getMax(); }

uint32_t FloatFormatAttr::encode(float value) const {
  int mantissa = getMantissa(), bias = (1 << (getExponent() - 1)) - 1;
  uint32_t sign = uint32_t(std::signbit(value)) << (getBits() - 1);
  uint32_t all = (1u << (getExponent() + mantissa)) - 1;
  if (std::isnan(value))
    return getSpecial() == FloatSpecial::Finite ? 0
           : getSpecial() == FloatSpecial::FN
               ? sign | all
               : sign | maxCode(*this) + 1 + (1u << (mantissa - 1));
  double magnitude = std::fabs(double(value));
  if (magnitude >= getMax())
    return sign | maxCode(*this);
  if (magnitude == 0)
    return sign;
  // In units of the spacing at this magnitude; a carry into the next exponent
  // comes out right because codes of one sign are ordered.
  int exponent = std::max(std::ilogb(magnitude), 1 - bias);
  auto units =
      uint32_t(std::nearbyint(std::ldexp(magnitude, mantissa - exponent)));
  uint32_t code = (uint32_t(exponent + bias - 1) << mantissa) + units;
  return sign | std::min(code, maxCode(*this));
}

float FloatFormatAttr::decode(uint32_t code) const {
  int mantissa = getMantissa(), bias = (1 << (getExponent() - 1)) - 1;
  uint32_t all = (1u << (getExponent() + mantissa)) - 1;
  uint32_t magnitude = code & all;
  bool negative = (code >> (getBits() - 1)) & 1;
  uint32_t exponent = magnitude >> mantissa;
  uint32_t fraction = magnitude & ((1u << mantissa) - 1);
  if (magnitude > maxCode(*this)) {
    float special = getSpecial() == FloatSpecial::IEEE && fraction == 0
                        ? INFINITY
                        : std::numeric_limits<float>::quiet_NaN();
    return negative ? -special : special;
  }
  double value = exponent == 0
                     ? std::ldexp(double(fraction), 1 - bias - mantissa)
                     : std::ldexp(double(fraction + (1u << mantissa)),
                                  int(exponent) - bias - mantissa);
  return float(negative ? -value : value);
}

bool FloatFormatAttr::isScaled() const { return getBits() < 16; }

bool FloatFormatAttr::isLegalBlock(int64_t length) const {
  return isScaled() && length > 0 && length % 16 == 0;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

NumberFormat qnt::parseFormat(StringRef name, MLIRContext *context) {
  unsigned width = 0;
  StringRef rest = name;
  bool isUnsigned = rest.consume_front("u");
  if (rest.consume_front("int") && !rest.getAsInteger(10, width) &&
      width >= 1 && width <= 8)
    return IntFormatAttr::get(context, width, !isUnsigned);
  auto floating = [&](unsigned e, unsigned m, FloatSpecial special) {
    return NumberFormat(FloatFormatAttr::get(context, e, m, special));
  };
  if (name == "f32")
    return floating(8, 23, FloatSpecial::IEEE);
  if (name == "f16")
    return floating(5, 10, FloatSpecial::IEEE);
  if (name == "bf16")
    return floating(8, 7, FloatSpecial::IEEE);
  unsigned exponent = 0, mantissa = 0;
  rest = name;
  if (!rest.consume_front("e") || rest.consumeInteger(10, exponent) ||
      !rest.consume_front("m") || rest.consumeInteger(10, mantissa) ||
      exponent < 1 || exponent > 8 || mantissa > 10)
    return {};
  FloatSpecial special = exponent == 4 && mantissa == 3 ? FloatSpecial::FN
                         : 1 + exponent + mantissa >= 8 ? FloatSpecial::IEEE
                                                        : FloatSpecial::Finite;
  if (rest.consume_front("_")) {
    auto named = symbolizeFloatSpecial(rest);
    if (!named)
      return {};
    special = *named;
  } else if (!rest.empty()) {
    return {};
  }
  if (special == FloatSpecial::IEEE && mantissa == 0)
    return {};
  return floating(exponent, mantissa, special);
}
