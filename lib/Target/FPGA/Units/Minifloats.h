//===- Minifloats.h - products with small floats ----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_UNITS_MINIFLOATS_H
#define QNT_LIB_TARGET_FPGA_UNITS_MINIFLOATS_H

#include "../ProcessBuilder.h"

namespace qnt::fpga {

/// As multiplyRows, with weights [inputs, rows] that are codes of `format` and
/// stand for integers of at most `bits` bits. In LUTs significands are
/// multiplied, and the products shifted; DSPs multiply wide factors as well, so
/// before them the significands are, which are narrower.
mlir::Value multiplyMinifloats(ProcessBuilder &process, mlir::Value codes,
                               bool isSigned, mlir::Value weights,
                               qflow::Minifloat format, unsigned bits,
                               bool inLuts);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_UNITS_MINIFLOATS_H
