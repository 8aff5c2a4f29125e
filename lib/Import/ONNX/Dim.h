//===- Dim.h - dimensions as expressions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A dimension is a polynomial with integer coefficients over atoms: named
// dimensions of the graph's inputs, dimensions known at run time alone, and
// quotients, minima and maxima of other polynomials. Polynomials are kept in
// one form, so that equal ones compare equal: what tells that two dimensions
// agree. Atoms are never negative.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_DIM_H
#define QNT_IMPORT_ONNX_DIM_H

#include "Error.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qnt::onnx {

/// An expression whose numbers do not fit into 64 bits.
struct DimOverflow : ImportError {
  DimOverflow() : ImportError("a dimension that does not fit into 64 bits") {}
};

class Dim {
public:
  Dim(int64_t constant = 0) { add({}, constant); }
  static Dim ofAtom(unsigned atom) {
    Dim result;
    result.add({atom}, 1);
    return result;
  }

  /// The value, where it is one.
  std::optional<int64_t> constant() const;
  /// Whether no value of the atoms makes it negative; false when not known.
  bool isNonNegative() const;

  friend Dim operator+(const Dim &lhs, const Dim &rhs);
  friend Dim operator-(const Dim &lhs, const Dim &rhs);
  friend Dim operator*(const Dim &lhs, const Dim &rhs);
  bool operator==(const Dim &other) const { return terms == other.terms; }
  bool operator<(const Dim &other) const { return terms < other.terms; }
  /// The polynomial q with q * divisor == *this; none when there is none of
  /// this form. `divisor` has one term.
  std::optional<Dim> divideExactly(const Dim &divisor) const;

private:
  friend class DimContext;
  /// Indices of atoms in order, repeated for powers; empty for the constant.
  using Product = std::vector<unsigned>;
  void add(const Product &product, int64_t factor);
  std::map<Product, int64_t> terms;
};

/// The atoms of a graph, and how expressions on them become IR.
class DimContext {
public:
  /// A new atom with a name for messages. `value` is an index.
  Dim addAtom(std::string name, mlir::Value value);
  /// Rounded towards minus infinity; `rhs` is positive.
  Dim floorDiv(const Dim &lhs, const Dim &rhs);
  Dim ceilDiv(const Dim &lhs, const Dim &rhs);
  Dim min(const Dim &lhs, const Dim &rhs);
  Dim max(const Dim &lhs, const Dim &rhs);
  /// The dimension that both are wherever no minimum with a number above 1,
  /// which is the size of a table that is cut, is that number; none when there
  /// is none. Elsewhere they differ, which whoever runs the graph must notice.
  std::optional<Dim> agree(const Dim &lhs, const Dim &rhs);

  /// An index; `builder` stands where all atoms of `dim` are defined.
  mlir::Value materialize(const Dim &dim, mlir::OpBuilder &builder,
                          mlir::Location loc);
  /// "batch * 4 + 1".
  std::string str(const Dim &dim) const;

private:
  enum class Kind { Value, FloorDiv, CeilDiv, Min, Max };
  struct Atom {
    Kind kind;
    std::string name;
    mlir::Value value;
    Dim lhs, rhs;
  };
  Dim derive(Kind kind, const Dim &lhs, const Dim &rhs);
  Dim apply(Kind kind, const Dim &lhs, const Dim &rhs);
  Dim dropBounds(const Dim &dim);
  mlir::Value materializeAtom(unsigned atom, mlir::OpBuilder &builder,
                              mlir::Location loc);
  std::vector<Atom> atoms;
};

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_DIM_H
