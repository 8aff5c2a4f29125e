//===- SharedRows.h - rows that share multipliers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_UNITS_SHAREDROWS_H
#define QNT_LIB_TARGET_FPGA_UNITS_SHAREDROWS_H

#include "../ProcessBuilder.h"

namespace qnt::fpga {

/// The weights of some rows side by side in one factor, as the sum over j of
/// weight j * 2^(j * vectors * spacing), the inputs of vectors in the other, as
/// that over v of input v * 2^(v * spacing); so are the sums of their products.
/// In memory a weight has the bits it needs, less what those below it borrow.
class SharedRowsCodec {
public:
  /// Factors are made of `weights`, `count` each, row by row.
  SharedRowsCodec(qflow::SharedRows rows, int64_t count,
                  llvm::ArrayRef<llvm::SmallVector<int64_t>> weights);

  /// Of what memory has for a factor.
  unsigned getStoredBits() const { return storedBits; }
  llvm::SmallVector<int64_t> store() const;
  /// Factors, signed, of vectors of what is stored.
  mlir::Value makeFactors(ProcessBuilder &process, mlir::Value stored) const;
  /// Factors of codes of two vectors.
  mlir::Value joinCodes(ProcessBuilder &process, mlir::Value first,
                        mlir::Value second, bool isSigned) const;
  /// Of sums of as many products as come before rows are parted.
  unsigned getSumBits() const {
    return (countParts() - 1) * rows.spacing + rows.lastBits;
  }
  /// Vectors of such sums as one for each row, of it one for each vector.
  llvm::SmallVector<mlir::Value> part(ProcessBuilder &process,
                                      mlir::Value sums) const;

private:
  unsigned countParts() const { return unsigned(count) * rows.vectors; }

  const qflow::SharedRows rows;
  const int64_t count;
  /// What is stored of each row's weights.
  llvm::SmallVector<llvm::SmallVector<int64_t>> fields;
  llvm::SmallVector<unsigned> fieldBits;
  unsigned storedBits = 0;
};

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_SHAREDROWS_H
