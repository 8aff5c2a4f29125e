//===- Dims.h - dimensions as expressions of symbols -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_DIMS_H
#define QNT_LIB_TARGET_COMMON_DIMS_H

#include "CodeBuilder.h"

#include "llvm/ADT/SmallVector.h"

#include <map>

namespace qnt::target {

/// What padded dimensions are multiples of.
constexpr int64_t kPadding = 16;

/// A dimension, or another index that shapes decide: a number, or a symbol of
/// the function.
struct Dim {
  bool isConstant = true;
  int64_t value = 1; // or the symbol's index
  /// Rounded up to a multiple of kPadding (a symbol only).
  bool padded = false;

  static Dim constant(int64_t value) { return {true, value, false}; }
  static Dim symbol(int64_t index) { return {false, index, false}; }
  bool operator==(const Dim &other) const {
    return isConstant == other.isConstant && value == other.value &&
           padded == other.padded;
  }
  bool operator<(const Dim &other) const {
    return std::tuple(isConstant, value, padded) <
           std::tuple(other.isConstant, other.value, other.padded);
  }
};

/// The symbols of a function: those that its callers pass come first, those
/// derived from earlier ones follow. Sums and products have a normal form, so
/// that equal ones are the same symbol, and quotients that come out even are
/// taken.
class DimTable {
public:
  enum class Kind { Polynomial, Div, CeilDiv, FloorDiv, Rem, Min, Max };
  /// A product of symbols, sorted; empty for 1.
  using Monomial = llvm::SmallVector<int64_t, 2>;
  using Polynomial = std::map<Monomial, int64_t>;

  /// Adds a symbol that callers pass; before any that is derived.
  Dim pass() { return Dim::symbol(numPassed++); }
  unsigned getNumPassed() const { return numPassed; }

  Dim add(Dim x, Dim y) { return combine(x, y, 1); }
  Dim sub(Dim x, Dim y) { return combine(x, y, -1); }
  Dim mul(Dim x, Dim y);
  /// Of signed integers as arith has them; x / 0 and x % 0 are 0.
  Dim apply(Kind kind, Dim x, Dim y);
  Dim product(llvm::ArrayRef<Dim> dims);

  /// `dim` of `other` with `actual` for the symbols passed to it.
  Dim translate(const DimTable &other, Dim dim, llvm::ArrayRef<Dim> actual);

  /// The sum of products that a dimension is.
  Polynomial expand(Dim dim) const;
  /// Whether x <= y for all sizes; none when that depends, or is not seen.
  std::optional<bool> isAtMost(Dim x, Dim y) const;
  /// Of the symbols passed, 0 or 1: callers of an entry pass sizes of at least
  /// 1, those of plain graphs and private functions any.
  int64_t leastSize = 1;

  /// The value of a dimension. `values` are those of symbols, null for derived
  /// ones that were not needed yet, which it adds: calls must dominate later
  /// ones.
  mlir::Value emit(CodeBuilder &k, Dim dim,
                   llvm::SmallVectorImpl<mlir::Value> &values) const;

private:
  struct Derived {
    Kind kind;
    Polynomial sum;
    Dim x, y;
  };
  Dim combine(Dim x, Dim y, int64_t factor);
  Dim make(const Polynomial &sum);
  static std::optional<Polynomial> divideEvenly(const Polynomial &x,
                                                const Polynomial &y);

  unsigned numPassed = 0;
  std::vector<Derived> derived;
  std::map<Polynomial, Dim> sums;
  std::map<std::tuple<Kind, Dim, Dim>, Dim> nodes;
};

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_DIMS_H
