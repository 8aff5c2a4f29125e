//===- IntegerForm.cpp - numbers of formats as integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/IntegerForm.h"

using namespace mlir;
using namespace qnt;

/// Of an integer; more, and sums of few products leave 32 bits.
static constexpr unsigned mostBits = 24;

std::optional<IntegerForm> qnt::getIntegerForm(NumberFormat format) {
  if (isa<IntFormatAttr>(format))
    return IntegerForm{format.getBits(), 0};
  auto floats = dyn_cast<FloatFormatAttr>(format);
  if (!floats)
    return std::nullopt;
  // Of the smallest number, whose mantissa is 1 and whose exponent is 0.
  IntegerForm form;
  form.exponent =
      2 - (1 << (floats.getExponent() - 1)) - int(floats.getMantissa());
  form.bits = unsigned(std::ilogb(floats.getMax()) - form.exponent) + 2;
  return form.bits <= mostBits ? std::optional(form) : std::nullopt;
}

bool qnt::isMultipliedWithIntegers(QTensorType type) {
  return type.isInteger() ||
         (type.hasScale() && getIntegerForm(type.getFormat()));
}
