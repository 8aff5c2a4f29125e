//===- Sums.h - sums of products --------------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_UNITS_SUMS_H
#define QNT_LIB_TARGET_FPGA_UNITS_SUMS_H

#include "../ProcessBuilder.h"

namespace qnt::fpga {

/// The bits that hold all numbers of a list.
unsigned getSignedBits(llvm::ArrayRef<int64_t> numbers);

/// Codes [inputs] times weights [inputs, rows], signed, in their shape.
mlir::Value multiplyRows(ProcessBuilder &process, mlir::Value codes,
                         bool isSigned, mlir::Value weights, bool inLuts);

/// Of `steps` sums, one an iteration, whose number `step` is: all of them that
/// came, with `bias`, null for none, before the first.
mlir::Value accumulate(ProcessBuilder &process, mlir::Value sum,
                       mlir::Value bias, mlir::Value step, int64_t steps);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_SUMS_H
