//===- Formats.h - what a number format tells -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_FORMATS_H
#define QNT_DIALECT_QNT_FORMATS_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/Types.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace qnt {

/// What the largest exponent of a float format means.
enum class FloatSpecial { IEEE, FN, Finite };

/// Which elements share a scale; see #qnt.block.
enum class BlockKind { Unscaled, PerTensor, PerChannel, PerRow, Group };

/// What a block has beside its scale.
enum class ZeroKind {
  None,
  /// Integer zero points: value = scale * (number - zero).
  Point,
  /// f32 offsets: value = scale * number - offset.
  Offset
};

/// The target-neutral description of decoding: bit fields, then a map. Targets
/// lower these maps once, for every format.
struct DecodeSpec {
  enum class Map {
    /// number = multiplier * integer(code) + offset, the integer sign-extended
    /// when `isSigned`.
    Affine,
    /// sign, exponent, mantissa from the high bit down.
    MiniFloat,
    /// number = table[code].
    Table
  };
  Map map = Map::Affine;
  unsigned bits = 8;
  // Affine.
  bool isSigned = true;
  int multiplier = 1, offset = 0;
  // MiniFloat.
  unsigned exponent = 0, mantissa = 0;
  FloatSpecial special = FloatSpecial::IEEE;
  // Table.
  llvm::SmallVector<float> table;
};

/// Rows of a weight on their way into a layout.
struct RowBlock {
  /// First row and number of rows.
  int64_t first = 0, rows = 0;
  /// [rows, K], one code per 32-bit word.
  llvm::ArrayRef<uint32_t> codes;
  /// [rows, groups per row], already rounded to the scale type.
  llvm::ArrayRef<float> scales;
  /// [rows, groups per row]: zero points (integers) or offsets; empty without
  /// either.
  llvm::ArrayRef<float> zeros;
};

class QTensorType;
} // namespace qnt

#include "qnt/Dialect/QNT/QNTFormatInterfaces.h.inc"

namespace qnt {
/// The format called `name`, null when it is none that this parser knows.
/// Names are keywords; the parser knows what `getName` of its formats gives.
using FormatParser = NumberFormat (*)(llvm::StringRef name,
                                      mlir::MLIRContext *context);

/// The format called `name` ("int4", "uint8", "e4m3", "bf16", ...), of any
/// kind; null when there is none.
NumberFormat parseFormat(llvm::StringRef name, mlir::MLIRContext *context);
} // namespace qnt

#endif // QNT_DIALECT_QNT_FORMATS_H
