//===- FragmentGeometry.h - where things lie in #qnt.fragments -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_FRAGMENTGEOMETRY_H
#define QNT_DIALECT_QNT_FRAGMENTGEOMETRY_H

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt {

/// Byte offsets inside the blob of a weight [N, K] in `#qnt.fragments`, shared
/// by what packs it and what reads it.
struct FragmentGeometry {
  /// Inputs of a chunk, features of a tile, lanes that hold one.
  static constexpr int64_t chunkInputs = 128, tileColumns = 8, lanes = 32;

  /// A slice of the bits of every code: `width` bits from bit `shift`, at
  /// `offset` within a tile. A lane has `width` stored words of it.
  struct Plane {
    unsigned width, shift;
    int64_t offset;
    /// Stored words of a vector, and where a lane's word v lies in the plane.
    int64_t getVector() const { return width < 4 ? width : 4; }
    int64_t getWordOffset(int64_t lane, int64_t v) const {
      int64_t vector = getVector();
      return 4 * (v / vector * lanes * vector + lane * vector + v % vector);
    }
  };

  int64_t columns = 0, quad = 0;
  /// Bits of a cell, one of the `quad` parts of a word.
  int64_t getCell() const { return 32 / quad; }
  /// Words of a lane in a chunk, once decoded.
  int64_t getWords() const { return chunkInputs / (4 * quad); }

  /// Inputs that share a scale, and such groups in a row.
  int64_t group = 0, groups = 0;
  /// One of the two is 1.
  int64_t chunksPerGroup = 1, groupsPerChunk = 1;
  int64_t chunks = 0;
  llvm::SmallVector<Plane, 3> planes;

  int64_t tileBytes = 0, chunkBytes = 0;
  /// Of a group of a panel.
  int64_t scaleBytes = 0, zeroBytes = 0;
  /// Within a panel; `rowScalesAt` f32 numbers of its features, where
  /// `hasRowScales`.
  int64_t scalesAt = 0, rowScalesAt = 0, zerosAt = 0, sumsAt = 0,
          panelBytes = 0;
  bool hasSums = false;
  /// Scales of 8 bits: of a chunk, `scaleBytes` * `groupsPerChunk` in all.
  bool hasSmallScales = false, hasRowScales = false;

  /// Where input `i` of a row lies.
  struct Place {
    int64_t chunk, input;
  };
  Place getPlace(int64_t i) const {
    if (groupsPerChunk > 1)
      return {i / chunkInputs, i % chunkInputs};
    int64_t inGroup = i % group;
    return {i / group * chunksPerGroup + inGroup / chunkInputs,
            inGroup % chunkInputs};
  }

  /// Where the scale of a group and column lies in a panel.
  int64_t getScalePlace(int64_t inRow, int64_t column) const {
    if (!hasSmallScales)
      return scalesAt + inRow * scaleBytes + column * (scaleBytes / columns);
    int64_t chunk = inRow / groupsPerChunk * scaleBytes * groupsPerChunk;
    return scalesAt + chunk + column * groupsPerChunk + inRow % groupsPerChunk;
  }

  static FragmentGeometry of(QTensorType type, FragmentsAttr layout);
};

} // namespace qnt

#endif // QNT_DIALECT_QNT_FRAGMENTGEOMETRY_H
