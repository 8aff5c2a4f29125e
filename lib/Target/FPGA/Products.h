//===- Products.h - how products are made -----------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_PRODUCTS_H
#define QNT_LIB_TARGET_FPGA_PRODUCTS_H

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <optional>

namespace qnt::fpga {

/// That the products of an op of a body are made in LUTs, of any other in DSPs.
void setInLuts(mlir::Operation *product);
bool isInLuts(mlir::Operation *product);

/// A sum of two that others share is made by itself; Yosys makes one of a
/// chain of those that nothing else reads.
void setSharedSum(mlir::Operation *sum);
bool isSharedSum(mlir::Operation *sum);

/// What is multiplied, before what extends it to the width of the product.
struct Factor {
  mlir::Value value;
  bool isSigned;

  /// Of a lane.
  int64_t getBits() const;
  /// With a sign.
  int64_t getSignedBits() const { return getBits() + !isSigned; }
};
llvm::SmallVector<Factor, 2> getFactors(mlir::arith::MulIOp product);

/// Products of which one factor is a constant.
struct ConstantProducts {
  struct Lane {
    llvm::APInt constant;
    /// The fewest that hold the product of every number that `other` may be;
    /// none of a constant zero.
    int64_t bits;
    /// Whether it may be less than 0; where it may not, no bit is its sign.
    bool isSigned;
  };
  Factor constant, other;
  llvm::SmallVector<Lane> lanes;
};
/// None where neither factor is a constant.
std::optional<ConstantProducts>
getConstantProducts(mlir::arith::MulIOp product);

/// What a lane is a lane of, through ops that are wiring alone.
std::pair<mlir::Value, int64_t> traceLane(mlir::Value value, int64_t lane);

/// Products in LUTs, which take about a LUT for each bit of `a` and two of
/// `b`: that of the factors is `b` which takes fewer.
struct ProductShape {
  Factor a, b;
  /// Of the product.
  int64_t bits;

  explicit ProductShape(mlir::arith::MulIOp product);
  /// Of `b`, each in -2 ... 2.
  int64_t getDigits() const { return countDigits(b); }
  static int64_t countDigits(const Factor &factor) {
    return (factor.getSignedBits() + 1) / 2;
  }
};

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_PRODUCTS_H
