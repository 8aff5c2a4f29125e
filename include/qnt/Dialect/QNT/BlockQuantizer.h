//===- BlockQuantizer.h - scales and codes of blocks -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What qnt.quantize does to one block, in one place: the interpreter, constant
// evaluation of parameters and calibration all go through here. Every step is
// an f32 operation rounded to nearest, so that a target can follow it exactly;
// only squared errors are summed in double. Blocks are independent, and no
// function here keeps state: callers may spread blocks over threads.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_BLOCKQUANTIZER_H
#define QNT_DIALECT_QNT_BLOCKQUANTIZER_H

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt {

namespace loops {
struct IntegerMap;
} // namespace loops

/// value = scale * (number(code) - zero), or scale * number(code) - zero for
/// types with offsets.
struct BlockParams {
  /// As the type stores it: rounded to its scale type.
  float scale = 1;
  /// A zero point, an integer in the code range, or an offset; 0 without
  /// either.
  float zero = 0;
};

/// `scale` to nearest in `scaleType` (f16, bf16 or f32), its magnitude kept
/// within the type's positive finite numbers (the normal ones of f32 and bf16).
/// In f8E8M0FNU up, so that nothing exceeds the range that it is for. In
/// f8E4M3FN to nearest as a multiple of `rowScale`.
float roundScale(float scale, mlir::Type scaleType, float rowScale = 1);

/// The power of two that a row's f8E4M3FN scales are multiples of: the least
/// for which `largest`, the largest of them before or after rounding, is at
/// most 448; at least 2^-117, so that all are normal f32 numbers.
float chooseRowScale(float largest);

/// Quantises blocks of one type. Cheap to build and to copy; build one per
/// tensor, not per block.
class BlockQuantizer {
public:
  explicit BlockQuantizer(QTensorType type);

  /// Scale and zero point (or offset) for a block with these values, which must
  /// not be empty; NaNs do not count. Formats without scale give {1, 0}. For
  /// `output`, which needs more than the block, there is the overload below.
  BlockParams chooseScale(ClipMethod clip, llvm::ArrayRef<float> block) const;

  /// What `absmax` or the search of `mse` gives, with an error of the caller's
  /// in place of the squared one: the first of the candidates with the least.
  BlockParams
  chooseScale(llvm::ArrayRef<float> block,
              llvm::function_ref<double(BlockParams)> getError) const;

  /// The quantiser of the blocks of this row, which types with f8E4M3FN scales
  /// need; of other types, the same.
  BlockQuantizer ofRow(llvm::ArrayRef<float> row) const;

  /// Codes of `in`, whatever their scale was chosen by; out-of-range values go
  /// to the nearest end of the range, NaN as NumberFormat::encode says. The
  /// spans have one length.
  void encode(BlockParams params, llvm::ArrayRef<float> in,
              llvm::MutableArrayRef<uint32_t> codes) const;

  /// The values in f32, rounded after each operation.
  void decode(BlockParams params, llvm::ArrayRef<uint32_t> codes,
              llvm::MutableArrayRef<float> out) const;

  /// The sum over the block of (x - decode(encode(x)))^2 before the rounding of
  /// `decode`; NaNs do not count.
  double squaredError(BlockParams params, llvm::ArrayRef<float> block) const;

private:
  /// Which loop serves the format.
  enum class Path { Integer, Bipolar, MiniFloat, BFloat16, Float32, Generic };

  BlockParams fit(float low, float high) const;
  BlockParams chooseMean(llvm::ArrayRef<float> block) const;
  BlockParams chooseHalfQuadratic(llvm::ArrayRef<float> block) const;
  bool hasOffset() const { return zeroKind == ZeroKind::Offset; }
  /// For Path::Integer.
  loops::IntegerMap integerMap(BlockParams params) const;

  NumberFormat format;
  mlir::Type scaleType;
  Path path = Path::Generic;
  ZeroKind zeroKind = ZeroKind::None;
  bool scaled = false, isSigned = false;
  unsigned bits = 8, mantissa = 0, bias = 0;
  float lowest = 0, highest = 0, rowScale = 1;
};

/// The functions above for a single block.
BlockParams chooseScale(QTensorType type, ClipMethod clip,
                        llvm::ArrayRef<float> block);
void encodeBlock(QTensorType type, BlockParams params, llvm::ArrayRef<float> in,
                 llvm::MutableArrayRef<uint32_t> codes);

/// Quantises `rows` consecutive rows: `in` and `codes` are [rows, K], `scales`
/// [rows, groups of K], `zeros` likewise zero points or offsets, or empty
/// without either. A row is whatever one scale, or one line of group scales,
/// covers: K is the last dimension of `per_row` and `group` types and the
/// product of all but the first of `per_channel` ones. `unscaled` types take no
/// scales. `per_tensor` types take one row.
void quantizeRows(QTensorType type, ClipMethod clip, llvm::ArrayRef<float> in,
                  int64_t rows, llvm::MutableArrayRef<uint32_t> codes,
                  llvm::MutableArrayRef<float> scales,
                  llvm::MutableArrayRef<float> zeros);

} // namespace qnt

#endif // QNT_DIALECT_QNT_BLOCKQUANTIZER_H
