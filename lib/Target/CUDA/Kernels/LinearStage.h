//===- LinearStage.h - what a block reads of a chunk -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_LINEARSTAGE_H
#define QNT_LIB_TARGET_CUDA_KERNELS_LINEARSTAGE_H

#include "../Kernels.h"

#include "qnt/Dialect/QNT/FragmentGeometry.h"

namespace qnt::cuda {

/// The instruction for groups of this type on both sides, or null.
const MatrixInstruction *findBlockScaled(QTensorType type);

/// Where things lie in the shared memory of one stage: rows of activations of
/// 128 inputs, tiles of codes, then, of weights in groups, scales and zero
/// points of the chunk's groups, and where both sides are in groups the scales
/// of activations.
struct LinearStage {
  int64_t codesAt = 0, scalesAt = 0, zerosAt = 0, rowScalesAt = 0, bytes = 0;
  /// Bytes of a row, and of the scales and zero points of a group.
  int64_t rowBytes = 0, scaleBytes = 0, zeroBytes = 0;

  /// `inputBits`: of one activation.
  static LinearStage of(const FragmentGeometry &geometry,
                        const LinearTile &tile, int64_t inputBits);
  /// Columns of 16 bytes are exchanged within 8 rows, so that neither the
  /// copies nor ldmatrix meet a bank twice; in rows of 64 bytes there are four,
  /// and two rows have the banks of one.
  mlir::Value swizzle(KernelBuilder &k, mlir::Value column,
                      mlir::Value row) const {
    if (rowBytes == 64)
      return k.bxor(column, k.band(k.divC(row, 2), k.c32(3)));
    return k.bxor(column, k.band(row, k.c32(7)));
  }
};

/// The part of one lane in the copies of all chunks.
class LinearCopies {
public:
  using Value = mlir::Value;
  struct Source {
    /// The activations, the scales of their groups, the rows there are, bytes
    /// of a row and bits of a number.
    Value x, scales, rows;
    int64_t rowBytes, inputBits;
    Value weight;
    int64_t features;
    /// The block's first row and feature.
    Value firstRow, firstColumn;
  };
  LinearCopies(KernelBuilder &k, const FragmentGeometry &geometry,
               const LinearTile &tile, const Source &source);

  /// Starts copying chunk `c` to the stage at `to`.
  void start(KernelBuilder &k, Value to, Value c) const;

private:
  /// One copy a chunk, of 16 bytes or the scales of a row: to an offset in the
  /// stage, from a pointer that moves by `getStep(chunk)`.
  enum class Kind { Activations, RowScales, Codes, Scales, Zeros };
  struct Copy {
    Kind kind;
    Value to, from;
    /// Whether this lane has a part in it; whether there is anything to read.
    Value takesPart, exists;
    /// For what depends on the chunk: the copy's first byte in the chunk's row,
    /// or its group in the chunk.
    Value place;
  };
  void add(KernelBuilder &k, Kind kind, int64_t count,
           std::function<void(Value index, Copy &copy)> describe);
  void addPanels(KernelBuilder &k, Kind kind, int64_t at, int64_t stageAt,
                 int64_t lines, int64_t stageLine, int64_t panelLine);
  Value getStep(KernelBuilder &k, Kind kind, Value c) const;
  /// Whether the copy has anything to read in chunk c, beside `exists`.
  Value isInside(KernelBuilder &k, const Copy &copy, Value c) const;

  const FragmentGeometry &g;
  const LinearTile &tile;
  Source source;
  llvm::SmallVector<Copy> copies;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_LINEARSTAGE_H
