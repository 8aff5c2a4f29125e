//===- IntegerForm.h - numbers of formats as integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights of small floats are integers times a power of two: by it, integer
// arithmetic multiplies them as it does integers.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_INTEGERFORM_H
#define QNT_DIALECT_QNT_INTEGERFORM_H

#include "qnt/Dialect/QNT/QNT.h"

#include <cmath>

namespace qnt {

/// Every finite number of a format is an integer of `bits` bits, its sign among
/// them, times 2^exponent.
struct IntegerForm {
  unsigned bits = 0;
  int exponent = 0;

  double getUnit() const { return std::ldexp(1.0, exponent); }
  /// The integer that a finite number of the format is, exact.
  double getInteger(float number) const {
    return std::ldexp(double(number), -exponent);
  }
  /// Bits beyond those of int8: sums of products have so many more, multipliers
  /// that rescale them so many fewer.
  unsigned getExcess() const { return bits > 8 ? bits - 8 : 0; }
};

/// Of integers, with the exponent 0, and of floats whose unit is their smallest
/// number, where integers have at most 24 bits; none of other formats.
std::optional<IntegerForm> getIntegerForm(NumberFormat format);

/// Whether codes of integers are multiplied with weights of `type`: integers,
/// or scaled floats of such a form.
bool isMultipliedWithIntegers(QTensorType type);

} // namespace qnt

#endif // QNT_DIALECT_QNT_INTEGERFORM_H
