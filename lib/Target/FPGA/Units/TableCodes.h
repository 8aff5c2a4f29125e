//===- TableCodes.h - tables of sums and their codes ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_UNITS_TABLECODES_H
#define QNT_LIB_TARGET_FPGA_UNITS_TABLECODES_H

#include "qnt/Dialect/QFlow/QFlow.h"

namespace qnt::fpga {

/// Entry j of a table is entry j - 1 and one of three inputs, more or less.
struct TableStep {
  int64_t input;
  bool isLess;
  /// How often the entry has each input, -1 to 1.
  std::array<int64_t, qflow::DotOp::tableInputs> weights;
};

/// The steps to entries 0, which is 0 and has none, to 13: of all sums of three
/// inputs one of each pair that differs in its sign. They are the second half
/// of a reflected ternary Gray code, whose other half has them less.
llvm::SmallVector<TableStep> walkTable();

/// Signed bits of all entries.
unsigned getTableBits(mlir::IntegerType input);

/// Of weights -1, 0 and 1 [N, K], words [K / simd, N / pe, tables, pe]: in the
/// lowest bits the number of the entry that a row's three weights are, above
/// them a sign: of table 0, whether it is less; of table t, whether its sign is
/// another than that of table t & (t - 1), which its term is added to.
llvm::SmallVector<int64_t> encodeTables(mlir::DenseIntElementsAttr weights,
                                        int64_t pe, int64_t simd);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_TABLECODES_H
