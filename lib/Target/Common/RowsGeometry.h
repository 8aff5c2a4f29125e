//===- RowsGeometry.h - how activations lie in memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_ROWSGEOMETRY_H
#define QNT_LIB_TARGET_COMMON_ROWSGEOMETRY_H

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::target {

/// Bytes of a number in memory; one for i1.
int64_t getByteWidth(mlir::Type element);

/// How quantised activations [rows, features] lie in memory (#qnt.rows): codes
/// in rows of `pad`-rounded bytes; per row f32 scale, f32 zero point of the
/// stored codes, i32 sums of the stored codes over every `sums` inputs. With
/// scales of 8 bits, codes are half a byte, and the scales of the groups lie in
/// the place of sums, four for each.
struct RowsGeometry {
  int64_t features = 0, rowBytes = 0, sumsPerRow = 0, sumGroup = 0;
  /// Added to codes when stored: 128 stores signed codes of 8 bits as unsigned
  /// bytes, -128 the other way round; the zero point carries it.
  int64_t excess = 0;
  static RowsGeometry of(QTensorType type);
};

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_ROWSGEOMETRY_H
