//===- FloatFormat.cpp - small binary floating point -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace qnt;

/// What a name without suffix means: what the OCP specifications define.
static FloatSpecial usualSpecial(unsigned exponent, unsigned mantissa) {
  if (exponent == 4 && mantissa == 3)
    return FloatSpecial::FN;
  return 1 + exponent + mantissa >= 8 ? FloatSpecial::IEEE
                                      : FloatSpecial::Finite;
}

static StringRef stringify(FloatSpecial special) {
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

/// The rule that a format breaks, or an empty string.
static StringRef findProblem(unsigned exponent, unsigned mantissa,
                             FloatSpecial special) {
  if (exponent < 1 || exponent > 8 || mantissa > 23) // (C1)
    return "expected 1 to 8 exponent and 0 to 23 mantissa bits";
  if (special == FloatSpecial::IEEE && mantissa == 0) // (C2)
    return "expected a mantissa in an ieee format";
  if (special != FloatSpecial::IEEE && exponent == 8) // (C3)
    return "expected an ieee format of 8 exponent bits";
  if (special == FloatSpecial::FN && exponent + mantissa == 1) // (C4)
    return "expected a number besides zero and NaN";
  return "";
}

LogicalResult
FloatFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        unsigned exponent, unsigned mantissa,
                        FloatSpecial special) {
  StringRef problem = findProblem(exponent, mantissa, special);
  if (!problem.empty())
    return emitError() << problem << ", got e" << exponent << "m" << mantissa;
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
  if (getSpecial() != usualSpecial(e, m))
    name += "_" + stringify(getSpecial()).str();
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

/// f32, f16, bf16 and e<n>m<n>, with _ieee, _fn or _finite where the special
/// values are not the usual ones.
static NumberFormat parseName(StringRef name, MLIRContext *context) {
  unsigned exponent = 0, mantissa = 0;
  FloatSpecial special = FloatSpecial::IEEE;
  if (name == "f32") {
    exponent = 8, mantissa = 23;
  } else if (name == "f16") {
    exponent = 5, mantissa = 10;
  } else if (name == "bf16") {
    exponent = 8, mantissa = 7;
  } else {
    if (!name.consume_front("e") || name.consumeInteger(10, exponent) ||
        !name.consume_front("m") || name.consumeInteger(10, mantissa))
      return {};
    special = usualSpecial(exponent, mantissa);
    if (name == "_ieee")
      special = FloatSpecial::IEEE;
    else if (name == "_fn")
      special = FloatSpecial::FN;
    else if (name == "_finite")
      special = FloatSpecial::Finite;
    else if (!name.empty())
      return {};
  }
  if (!findProblem(exponent, mantissa, special).empty())
    return {};
  return FloatFormatAttr::get(context, exponent, mantissa, special);
}

namespace qnt {
void registerFloatFormats(QNTDialect &dialect) {
  dialect.addFormats(parseName);
}
} // namespace qnt
