//===- FragmentLayout.cpp - packing weights for warps -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/FragmentGeometry.h"

#include "ScaleBytes.h"

#include "qnt/Dialect/QNT/BlockQuantizer.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;

FragmentGeometry FragmentGeometry::of(QTensorType type, FragmentsAttr layout) {
  FragmentGeometry g;
  g.columns = layout.getColumns();
  g.quad = layout.getQuad();
  g.group = type.getGroupSize();
  g.groups = type.getGroupsPerRow();
  // Scales of 8 bits are read in words, those of a single group too.
  bool mayShare = g.groups > 1 || type.hasSmallScales();
  if (mayShare && chunkInputs % g.group == 0) {
    g.groupsPerChunk = chunkInputs / g.group;
    g.chunks = llvm::divideCeil(g.groups, g.groupsPerChunk);
  } else {
    g.chunksPerGroup = llvm::divideCeil(g.group, chunkInputs);
    g.chunks = g.groups * g.chunksPerGroup;
  }
  unsigned shift = 0, bits = type.getFormat().getBits();
  for (unsigned width : {16u, 8u, 4u, 2u, 1u})
    if (bits & width) {
      g.planes.push_back({width, shift, g.tileBytes});
      g.tileBytes += 4 * lanes * width;
      shift += width;
    }
  g.chunkBytes = g.columns / tileColumns * g.tileBytes;
  if (Type scale = type.getScaleType())
    g.scaleBytes = g.columns * (scale.getIntOrFloatBitWidth() / 8);
  g.zeroBytes = type.hasOffsets() ? 4 * g.columns
                : type.hasZeros() ? g.columns
                                  : 0;
  g.hasSums = layout.getSums();
  g.scalesAt = g.chunks * g.chunkBytes;
  g.hasSmallScales = type.hasSmallScales();
  g.hasRowScales = type.hasRowScales();
  int64_t scales =
      g.hasSmallScales ? llvm::alignTo(g.groups, g.groupsPerChunk) : g.groups;
  g.rowScalesAt = g.scalesAt + scales * g.scaleBytes;
  g.zerosAt = g.rowScalesAt + (g.hasRowScales ? 4 * g.columns : 0);
  g.sumsAt = llvm::alignTo(g.zerosAt + g.groups * g.zeroBytes, 4);
  g.panelBytes = llvm::alignTo(g.sumsAt + (g.hasSums ? 4 * g.columns : 0), 128);
  return g;
}

int64_t FragmentsAttr::getRowMultiple() const { return getColumns(); }

int64_t FragmentsAttr::getByteSize(const QTensorType &type) const {
  auto g = FragmentGeometry::of(type, *this);
  return llvm::divideCeil(type.getShape()[0], g.columns) * g.panelBytes;
}

namespace {
/// Where the field of one code lies in a plane of its tile.
struct Field {
  int64_t offset;
  unsigned bit;
};
} // namespace

static Field getField(const FragmentGeometry &g,
                      const FragmentGeometry::Plane &plane, int64_t column,
                      int64_t input) {
  int64_t lane = 4 * (column % g.tileColumns) + input / g.quad % 4;
  int64_t word = input / (4 * g.quad), fields = g.getCell() / plane.width;
  return {plane.offset + plane.getWordOffset(lane, word / fields),
          unsigned(input % g.quad * g.getCell() + word % fields * plane.width)};
}

static char *getTile(const FragmentGeometry &g, char *panel, int64_t column,
                     int64_t chunk) {
  return panel + chunk * g.chunkBytes + column / g.tileColumns * g.tileBytes;
}

/// One row, whose number in the panel is `column`.
static void packRow(const QTensorType &type, const FragmentGeometry &g,
                    const RowBlock &block, int64_t row, char *panel) {
  int64_t k = type.getShape()[1], column = row % g.columns;
  NumberFormat format = type.getFormat();
  float rowScale = 1;
  if (g.hasRowScales) {
    auto scales = block.scales.slice(row * g.groups, g.groups);
    rowScale = chooseRowScale(*llvm::max_element(scales));
    std::memcpy(panel + g.rowScalesAt + 4 * column, &rowScale, 4);
  }
  for (int64_t group = 0; group < g.groups; ++group) {
    if (g.scaleBytes)
      writeScale(panel + g.getScalePlace(group, column),
                 block.scales[row * g.groups + group] / rowScale,
                 type.getScaleType());
    char *zeros = panel + g.zerosAt + group * g.zeroBytes;
    if (type.hasOffsets())
      std::memcpy(zeros + 4 * column, &block.zeros[row * g.groups + group], 4);
    else if (g.zeroBytes)
      zeros[column] = char(int(block.zeros[row * g.groups + group]));
  }
  double sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    uint32_t code = block.codes[row * k + i];
    FragmentGeometry::Place place = g.getPlace(i);
    char *tile = getTile(g, panel, column, place.chunk);
    for (const FragmentGeometry::Plane &plane : g.planes) {
      Field field = getField(g, plane, column, place.input);
      uint32_t word;
      std::memcpy(&word, tile + field.offset, 4);
      word |= (code >> plane.shift & ((1u << plane.width) - 1)) << field.bit;
      std::memcpy(tile + field.offset, &word, 4);
    }
    if (!g.hasSums)
      continue;
    int64_t at = row * g.groups + i / g.group;
    double number = format.decode(code);
    double zero = block.zeros.empty() ? 0 : block.zeros[at];
    double scale = block.scales.empty() ? 1 : block.scales[at];
    sum += type.hasOffsets() ? scale * number - zero : scale * (number - zero);
  }
  if (g.hasSums) {
    auto rounded = float(sum);
    std::memcpy(panel + g.sumsAt + 4 * column, &rounded, 4);
  }
}

void FragmentsAttr::packRows(const QTensorType &type, const RowBlock &block,
                             MutableArrayRef<char> blob) const {
  auto g = FragmentGeometry::of(type, *this);
  assert(block.first % g.columns == 0 && "rows start inside a panel");
  std::fill(blob.begin(), blob.end(), 0);
  for (int64_t row = 0; row < block.rows; ++row)
    packRow(type, g, block, row, blob.data() + row / g.columns * g.panelBytes);
}

void FragmentsAttr::unpack(const QTensorType &type, ArrayRef<char> blob,
                           MutableArrayRef<uint32_t> codes,
                           MutableArrayRef<float> scales,
                           MutableArrayRef<float> zeros) const {
  auto g = FragmentGeometry::of(type, *this);
  int64_t k = type.getShape()[1];
  bool isSigned = type.getFormat().getMin() < 0;
  for (int64_t row = 0; row < type.getShape()[0]; ++row) {
    int64_t column = row % g.columns;
    const char *panel = blob.data() + row / g.columns * g.panelBytes;
    float rowScale = 1;
    if (g.hasRowScales)
      std::memcpy(&rowScale, panel + g.rowScalesAt + 4 * column, 4);
    for (int64_t group = 0; group < g.groups; ++group) {
      if (g.scaleBytes)
        scales[row * g.groups + group] =
            readScale(panel + g.getScalePlace(group, column),
                      type.getScaleType()) *
            rowScale;
      const char *zero = panel + g.zerosAt + group * g.zeroBytes;
      if (type.hasOffsets())
        std::memcpy(&zeros[row * g.groups + group], zero + 4 * column, 4);
      else if (g.zeroBytes)
        zeros[row * g.groups + group] =
            float(isSigned ? int8_t(zero[column]) : uint8_t(zero[column]));
    }
    for (int64_t i = 0; i < k; ++i) {
      FragmentGeometry::Place place = g.getPlace(i);
      const char *tile = panel + place.chunk * g.chunkBytes +
                         column / g.tileColumns * g.tileBytes;
      uint32_t code = 0;
      for (const FragmentGeometry::Plane &plane : g.planes) {
        Field field = getField(g, plane, column, place.input);
        uint32_t word;
        std::memcpy(&word, tile + field.offset, 4);
        code |= (word >> field.bit & ((1u << plane.width) - 1)) << plane.shift;
      }
      codes[row * k + i] = code;
    }
  }
}
