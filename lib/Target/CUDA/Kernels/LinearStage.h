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

/// Where things lie in the shared memory of one stage: rows of activations of
/// 128 inputs, tiles of codes, then, of weights in groups, scales and zero
/// points of the chunk's groups.
struct LinearStage {
  int64_t codesAt = 0, scalesAt = 0, zerosAt = 0, bytes = 0;
  /// Bytes of a row, and of the scales and zero points of a group.
  int64_t rowBytes = 0, scaleBytes = 0, zeroBytes = 0;

  /// `inputBytes`: of one activation.
  static LinearStage of(const FragmentGeometry &geometry,
                        const LinearTile &tile, int64_t inputBytes);
  /// Columns of 16 bytes are exchanged within 8 rows, so that neither the
  /// copies nor ldmatrix meet a bank twice.
  static mlir::Value swizzle(KernelBuilder &k, mlir::Value column,
                             mlir::Value row) {
    return k.bxor(column, k.band(row, k.c32(7)));
  }
};

/// The part of one lane in the copies of all chunks.
class LinearCopies {
public:
  using Value = mlir::Value;
  struct Source {
    /// The activations, the rows there are, bytes of a row and of a number.
    Value x, rows;
    int64_t rowBytes, inputBytes;
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
  /// One copy of 16 bytes a chunk: to an offset in the stage, from a pointer
  /// that moves by `getStep(chunk)`.
  enum class Kind { Activations, Codes, Scales, Zeros };
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
