//===- Rows.h - units that see a row before they give one -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_UNITS_ROWS_H
#define QNT_LIB_TARGET_FPGA_UNITS_ROWS_H

#include "../ProcessBuilder.h"

namespace qnt::fpga {

/// Of a process of loops [rows + 1, ..., words of a row], which reads row t and
/// gives row t - 1.
struct Rows {
  /// Whether the iteration is of a row that is read, and of one that is given.
  mlir::Value reads, gives;
  /// Whether it is the first, or the last one of its row.
  mlir::Value isFirst, isLast;

  explicit Rows(ProcessBuilder &process, llvm::ArrayRef<int64_t> loops);
  /// A state: what `value` was in the last iteration of the row before; of the
  /// first row `initial`.
  mlir::Value hold(ProcessBuilder &process, mlir::Value value,
                   mlir::TypedAttr initial) const;
};

/// The word of stream 0 that is read, and the one of the row before, which is
/// kept until then.
struct RowWords {
  mlir::Value fresh, before;

  RowWords(ProcessBuilder &process, const Rows &rows, int64_t words);
};

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_ROWS_H
