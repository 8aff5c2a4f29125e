//===- Gradient.h - differentiation in reverse ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_GRADIENT_H
#define QNT_TRANSFORMS_GRADIENT_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace qnt {

/// One reverse sweep over straight-line code, on tensors or on the numbers of
/// the body of a linalg op (docs/gradients.md). The cotangent of a value is the
/// gradient of a scalar, the loss, with respect to it, of the value's type.
class ReverseSweep {
public:
  /// Code goes to where `builder` stands, which all swept ops dominate.
  explicit ReverseSweep(mlir::OpBuilder &builder) : builder(builder) {}

  mlir::OpBuilder &getBuilder() { return builder; }

  /// Makes a cotangent of `value` wanted.
  void activate(mlir::Value value) { active.insert(value); }
  /// Whether a cotangent of `value` is wanted: it is an activated value, or
  /// something other than a truth that is computed from one.
  bool isActive(mlir::Value value) const { return active.contains(value); }

  /// Adds a summand to the cotangent of `value`, of its type.
  void add(mlir::Value value, mlir::Value cotangent);
  /// The sum so far; null without summands, which stands for zero.
  mlir::Value getCotangent(mlir::Value value) const {
    return cotangents.lookup(value);
  }

  /// Finds what is active among the results of `ops`, in order.
  void findActive(llvm::ArrayRef<mlir::Operation *> ops);
  /// Applies the rules of `ops`, last first. Emits an error at an op without
  /// one.
  llvm::LogicalResult run(llvm::ArrayRef<mlir::Operation *> ops);

private:
  mlir::OpBuilder &builder;
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, mlir::Value> cotangents;
};

/// Attaches the rules of nn, qnt.observe and upstream ops when their dialects
/// are loaded.
void registerGradientRules(mlir::DialectRegistry &registry);

} // namespace qnt

#include "qnt/Transforms/DifferentiableOpInterface.h.inc"

#endif // QNT_TRANSFORMS_GRADIENT_H
