//===- Minifloat.h - integers that are stored as small floats ---*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QFLOW_MINIFLOAT_H
#define QNT_DIALECT_QFLOW_MINIFLOAT_H

#include <cstdint>
#include <optional>

namespace qnt::qflow {

/// Floats of a sign, `exponent` and `mantissa` bits, from the highest bit down,
/// in units of the smallest: significand * 2^places, where of exponent 0 the
/// significand is the mantissa and there are no places, of exponent e it has a
/// one before the mantissa, and there are e - 1. All of them are numbers.
struct Minifloat {
  /// 1 to 5, and 0 to 10.
  unsigned exponent = 0, mantissa = 0;

  /// Of a code.
  unsigned getBits() const { return 1 + exponent + mantissa; }
  unsigned getMostPlaces() const { return (1u << exponent) - 2; }
  /// Of the largest integer, with its sign.
  unsigned getIntegerBits() const { return mantissa + getMostPlaces() + 2; }
  /// The code of an integer, 0 without a sign; none where it is no such float.
  std::optional<uint64_t> encode(int64_t integer) const;
};

} // namespace qnt::qflow

#endif // QNT_DIALECT_QFLOW_MINIFLOAT_H
