//===- Interval.h - what integers there may be -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QFLOW_INTERVAL_H
#define QNT_DIALECT_QFLOW_INTERVAL_H

#include "mlir/IR/BuiltinTypes.h"

#include <optional>

namespace qnt::qflow {

/// The integers from `low` to `high`, both included.
struct Interval {
  int64_t low = 0;
  int64_t high = 0;

  /// Of a signed or unsigned integer of at most `maxBits`.
  static constexpr unsigned maxBits = 48;
  static Interval of(mlir::IntegerType type);
  /// The bits of the narrowest signed integer that holds them, at least 1.
  unsigned getSignedBits() const;
  bool isIn(Interval other) const {
    return other.low <= low && high <= other.high;
  }
  /// Of the sums of one of each; none where one is beyond 64 bits, as below.
  std::optional<Interval> plus(Interval other) const;
  /// Of their products with a number.
  std::optional<Interval> times(int64_t factor) const;
  /// Of the products of one of each.
  std::optional<Interval> times(Interval other) const;
  /// Those of either, and what is between.
  Interval with(Interval other) const {
    return {std::min(low, other.low), std::max(high, other.high)};
  }
};

/// How rows of a matrix, and with two `vectors` their inputs, share products:
/// weights lie vectors * spacing bits apart in factors of `bits`, inputs
/// `spacing` bits in factors of `inputBits`. So do sums over `inputs` products,
/// row by row, of each row those of the vectors; the last has `lastBits`.
struct SharedRows {
  unsigned spacing = 0, bits = 0, lastBits = 0, inputBits = 0;
  int64_t inputs = 0;
  unsigned vectors = 1;
};

} // namespace qnt::qflow

#endif // QNT_DIALECT_QFLOW_INTERVAL_H
