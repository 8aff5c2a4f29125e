//===- PanelGeometry.h - where things lie in #qnt.panels -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_PANELGEOMETRY_H
#define QNT_DIALECT_QNT_PANELGEOMETRY_H

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt {

/// Byte offsets inside the blob of a weight [N, K] in `#qnt.panels`, shared by
/// what packs it and what reads it.
struct PanelGeometry {
  /// A slice of the bits of every code: `width` bits from bit `shift`, in
  /// `vectors` vectors of 4 * columns bytes at `offset` within a chunk.
  struct Plane {
    unsigned width, shift;
    int64_t vectors, offset;
  };

  int64_t columns = 0;
  /// Inputs that share a scale, and such groups in a row.
  int64_t group = 0, groups = 0;
  /// Inputs per chunk, bytes per chunk, chunks. A chunk of one input holds a
  /// word of all columns (16 or 32 bits, in #qnt.filters also bytes).
  int64_t chunk = 0, chunkBytes = 0, chunksPerGroup = 0;
  /// Per group and panel; a group is scales, zero points or offsets, chunks.
  int64_t scaleBytes = 0, zeroBytes = 0, groupBytes = 0;
  /// At the end of a panel, before it is padded to 64 bytes.
  int64_t sumBytes = 0, panelBytes = 0;
  /// Whether the sums are i32, of numbers without their scale.
  bool integerSums = false;
  /// Inputs as stored, with padding.
  int64_t paddedInputs = 0;
  /// Added to signed codes below 8 bits, so that they are stored unsigned.
  unsigned excess = 0;
  llvm::SmallVector<Plane, 3> planes;

  static PanelGeometry of(QTensorType type, PanelsAttr layout);

  /// Writes a zero point or an offset of one column of a group; `zeros` is the
  /// place of the group's first.
  void writeZero(char *zeros, int64_t column, float zero) const;
  bool hasOffsets() const { return zeroBytes == 4 * columns; }

private:
  friend struct FilterGeometry;
  /// From `chunk`, `columns`, `excess` and the kind and presence of sums.
  void place(QTensorType type, bool sums);
};

/// Byte offsets inside the blob of a weight [N, KH, KW, C] in `#qnt.filters`.
struct FilterGeometry {
  /// Of the weight as [rows, inputs]: `groups` times `panelsPerGroup` panels.
  PanelGeometry panels;
  QTensorType flat;
  int64_t groups = 0, features = 0, panelsPerGroup = 0;
  /// Of a filter: rows and columns of taps, and the weight's channels.
  int64_t height = 1, width = 1, depth = 0;
  /// Codes of a tap; taps of a run; runs; inputs of a run, and those with
  /// padding.
  int64_t channels = 0, taps = 0, runs = 0, runInputs = 0, runStored = 0;

  int64_t getByteSize() const {
    return groups * panelsPerGroup * panels.panelBytes;
  }
  static FilterGeometry of(QTensorType type, FiltersAttr layout);
};

/// Writes the sum of a column at the end of its panel.
void writePanelSum(const PanelGeometry &geometry, double sum, char *panel,
                   int64_t column);

/// Layout::unpack of panels.
void unpackPanels(QTensorType type, const PanelGeometry &geometry,
                  llvm::ArrayRef<char> blob,
                  llvm::MutableArrayRef<uint32_t> codes,
                  llvm::MutableArrayRef<float> scales,
                  llvm::MutableArrayRef<float> zeros);

/// Layout::packRows of `#qnt.panels`, code by code, as its documentation says.
void packPanelsReference(QTensorType type, const PanelGeometry &geometry,
                         const RowBlock &block,
                         llvm::MutableArrayRef<char> blob);

/// The same bytes, faster, for codes of at most 8 bits.
void packPanels(QTensorType type, const PanelGeometry &geometry,
                const RowBlock &block, llvm::MutableArrayRef<char> blob);

} // namespace qnt

#endif // QNT_DIALECT_QNT_PANELGEOMETRY_H
