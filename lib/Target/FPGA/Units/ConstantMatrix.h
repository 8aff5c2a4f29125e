//===- ConstantMatrix.h - products with a constant matrix -------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_UNITS_CONSTANTMATRIX_H
#define QNT_LIB_TARGET_FPGA_UNITS_CONSTANTMATRIX_H

#include "../ProcessBuilder.h"

namespace qnt::fpga {

/// A product of a matrix with a vector as sums and differences of two shifted
/// numbers, which rows share: of the terms of all rows, digits of weights in
/// canonical signed form (Reitwiesner 1960), the pair that saves most is made
/// once, and so on until none occurs twice (Hartley 1996); what is left of a
/// row is summed as a tree.
class ConstantMatrix {
public:
  /// A number made before, times 2^shift or -2^shift.
  struct Term {
    unsigned node, shift;
    bool isNegative;
  };
  /// Not both are shifted; `first` is not negative.
  struct Node {
    Term first, second;
  };

  /// `weights` [inputs, rows], of inputs of such integers.
  ConstantMatrix(llvm::ArrayRef<int64_t> weights, mlir::IntegerType input,
                 int64_t rows);

  /// The product with codes [inputs]: [rows] of so many bits, which hold all
  /// that it may be.
  mlir::Value multiply(ProcessBuilder &process, mlir::Value codes,
                       unsigned bits) const;

private:
  mlir::IntegerType input;
  int64_t inputs;
  /// Numbered from `inputs` on, each after those that it is made of.
  std::vector<Node> nodes;
  /// None of a row of zeros.
  std::vector<std::optional<Term>> rows;
};

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_CONSTANTMATRIX_H
