//===- ScalarOps.h - arith and math on lanes of numbers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_INTERPRETER_SCALAROPS_H
#define QNT_LIB_INTERPRETER_SCALAROPS_H

#include "qnt/Interpreter/Values.h"

#include "mlir/IR/Operation.h"

namespace qnt::interp {

/// A number of some ElementKind: floats as double, which holds all of them;
/// integers sign-extended, but i1 is 0 or 1.
union Scalar {
  double f;
  int64_t i;
};

/// Numbers that are computed at once.
constexpr int64_t kMaxLanes = 256;

/// Elements first, first + step, ... of `bytes`, to and from `count` lanes.
void loadLanes(ElementKind kind, const char *bytes, int64_t first, int64_t step,
               int64_t count, Scalar *lanes);
void storeLanes(ElementKind kind, char *bytes, int64_t first, int64_t step,
                int64_t count, const Scalar *lanes);

/// What an arith or math op computes of scalars, resolved once and run often.
class ScalarOp {
public:
  /// None for ops that are not known, or types that have no kind.
  static std::optional<ScalarOp> get(mlir::Operation *op);
  /// Whether `get` may know the op.
  static bool isKnown(mlir::Operation *op);

  /// out[i] = op(in[0][i], in[1][i], ...) for i < count, rounded to the
  /// result's kind.
  void run(Scalar *out, const Scalar *const *in, int64_t count) const;

  ElementKind getKind() const { return kind; }

  using Compute = void (*)(const ScalarOp &op, Scalar *out,
                           const Scalar *const *in, int64_t count);

  /// Of the result, and of the first operand.
  ElementKind kind = ElementKind::F32, from = ElementKind::F32;
  /// Width of the operand's and the result's type.
  unsigned fromBits = 0, bits = 0;
  /// The predicate of a comparison.
  int64_t predicate = 0;

private:
  Compute compute = nullptr;
};

} // namespace qnt::interp

#endif // QNT_LIB_INTERPRETER_SCALAROPS_H
