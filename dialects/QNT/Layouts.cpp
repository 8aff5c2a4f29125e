//===- Layouts.cpp - packing weights for SIMD -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include "ScaleBytes.h"
#include "qnt/Dialect/QNT/PanelGeometry.h"

using namespace mlir;
using namespace qnt;

/// What is added to signed codes of few bits to store them unsigned.
static unsigned getExcess(QTensorType type) {
  auto spec = type.getFormat().getDecodeSpec();
  return spec.map == DecodeSpec::Map::Affine && spec.isSigned && spec.bits < 8
             ? 1u << (spec.bits - 1)
             : 0;
}

PanelGeometry PanelGeometry::of(QTensorType type, PanelsAttr layout) {
  PanelGeometry g;
  bool grouped = type.getBlock().getKind() == BlockKind::Group;
  g.columns = layout.getColumns();
  g.excess = getExcess(type);
  g.chunk = grouped && type.getGroupSize() % 32 ? 16 : 32;
  if (type.getFormat().getBits() > 8)
    g.chunk = 1;
  g.place(type, layout.getSums());
  return g;
}

void PanelGeometry::place(QTensorType type, bool sums) {
  unsigned bits = type.getFormat().getBits();
  group = type.getGroupSize();
  groups = type.getGroupsPerRow();
  if (chunk == 1) {
    chunkBytes = columns * std::max(1u, bits / 8);
  } else {
    unsigned shift = 0;
    for (unsigned width : {8u, 4u, 2u, 1u}) {
      if (!(bits & width) || (bits == 8 && width != 8))
        continue;
      int64_t vectors = std::max<int64_t>(1, width * chunk / 32);
      planes.push_back({width, shift, vectors, chunkBytes});
      chunkBytes += vectors * 4 * columns;
      shift += width;
    }
  }
  chunksPerGroup = llvm::divideCeil(group, chunk);
  scaleBytes = type.getScaleType()
                   ? columns * (type.getScaleType().getIntOrFloatBitWidth() / 8)
                   : 0;
  zeroBytes = type.hasOffsets() ? 4 * columns : type.hasZeros() ? columns : 0;
  groupBytes = scaleBytes + zeroBytes + chunksPerGroup * chunkBytes;
  sumBytes = sums ? 4 * columns : 0;
  panelBytes = llvm::alignTo(groups * groupBytes + sumBytes, 64);
  paddedInputs = groups * chunksPerGroup * chunk;
}

FilterGeometry FilterGeometry::of(QTensorType type, FiltersAttr layout) {
  ArrayRef<int64_t> shape = type.getShape();
  unsigned bits = type.getFormat().getBits();
  FilterGeometry g;
  g.features = layout.getFeatures() ? layout.getFeatures() : shape[0];
  // A slice of the rows may end inside a group.
  g.groups = llvm::divideCeil(shape[0], g.features);
  g.panelsPerGroup = llvm::divideCeil(g.features, layout.getColumns());
  g.channels = layout.getChannels();
  g.taps = layout.getTaps();
  if (shape.size() == 4) {
    g.height = shape[1];
    g.width = shape[2];
  }
  g.depth = shape.back();
  g.runs = g.height * g.width / g.taps;
  g.runInputs = g.taps * g.channels;
  PanelGeometry &p = g.panels;
  p.columns = layout.getColumns();
  bool isWords = bits > 8 || g.channels == 1;
  // The narrowest plane fills a vector of 32 / width inputs for each column.
  p.chunk = isWords ? 1 : bits == 8 ? 4 : 32 / int64_t(bits & -bits);
  p.excess = isWords ? 0 : getExcess(type);
  p.integerSums = bits <= 8 && type.isInteger();
  g.runStored = llvm::alignTo(g.runInputs, p.chunk);
  g.flat = type.withLayout({}).withShape(
      {g.groups * g.panelsPerGroup * p.columns, g.runs * g.runStored});
  p.place(g.flat, p.integerSums);
  return g;
}

void PanelGeometry::writeZero(char *zeros, int64_t column, float zero) const {
  if (hasOffsets())
    std::memcpy(zeros + 4 * column, &zero, 4);
  else
    zeros[column] = char(int(zero) + int(excess));
}

int64_t PanelsAttr::getRowMultiple() const { return getColumns(); }

int64_t PanelsAttr::getByteSize(const QTensorType &type) const {
  auto g = PanelGeometry::of(type, *this);
  return llvm::divideCeil(type.getShape()[0], g.columns) * g.panelBytes;
}

void PanelsAttr::packRows(const QTensorType &type, const RowBlock &block,
                          llvm::MutableArrayRef<char> blob) const {
  auto g = PanelGeometry::of(type, *this);
  assert(block.first % g.columns == 0 && "rows start inside a panel");
  if (type.getFormat().getBits() <= 8)
    packPanels(type, g, block, blob);
  else
    packPanelsReference(type, g, block, blob);
}

/// A code as a word of its own: sign-extended to a byte where it is narrower.
static uint32_t toWord(QTensorType type, uint32_t code) {
  DecodeSpec spec = type.getFormat().getDecodeSpec();
  if (spec.map != DecodeSpec::Map::Affine || !spec.isSigned || spec.bits >= 8)
    return code;
  unsigned shift = 32 - spec.bits;
  return uint32_t(int32_t(code << shift) >> shift);
}

void qnt::packPanelsReference(QTensorType type, const PanelGeometry &g,
                              const RowBlock &block,
                              llvm::MutableArrayRef<char> blob) {
  int64_t k = type.getShape()[1];
  unsigned bits = type.getFormat().getBits();
  std::fill(blob.begin(), blob.end(), 0);
  llvm::SmallVector<float> decoded;
  if (g.sumBytes && bits <= 8)
    for (uint32_t code = 0; code < (1u << bits); ++code)
      decoded.push_back(type.getFormat().decode(code));
  uint32_t mask = bits == 32 ? ~0u : (1u << bits) - 1;
  for (int64_t row = 0; row < block.rows; ++row) {
    int64_t column = row % g.columns;
    char *panel = blob.data() + row / g.columns * g.panelBytes;
    double sum = 0;
    for (int64_t group = 0; group < g.groups; ++group) {
      char *base = panel + group * g.groupBytes;
      float scale = 1, zero = 0;
      if (g.scaleBytes) {
        scale = block.scales[row * g.groups + group];
        writeScale(base + column * (g.scaleBytes / g.columns), scale,
                   type.getScaleType());
      }
      if (g.zeroBytes) {
        zero = block.zeros[row * g.groups + group];
        g.writeZero(base + g.scaleBytes, column, zero);
      }
      // What each number is less by, and each scaled number.
      float point = g.hasOffsets() ? 0 : zero;
      char *codes = base + g.scaleBytes + g.zeroBytes;
      int64_t first = group * g.group;
      int64_t last = std::min(first + g.group, k);
      double groupSum = 0;
      for (int64_t i = first; i < last; ++i) {
        uint32_t code = block.codes[row * k + i];
        if (g.sumBytes)
          groupSum += (bits <= 8 ? decoded[code & mask]
                                 : type.getFormat().decode(code)) -
                      point;
        int64_t inGroup = i - first;
        char *chunk = codes + inGroup / g.chunk * g.chunkBytes;
        if (g.chunk == 1) {
          int64_t bytes = g.chunkBytes / g.columns;
          uint32_t word = toWord(type, code);
          std::memcpy(chunk + column * bytes, &word, bytes);
          continue;
        }
        uint32_t stored = (code + g.excess) & mask;
        int64_t inChunk = inGroup % g.chunk;
        int64_t quad = inChunk / 4, byte = 4 * column + inChunk % 4;
        for (const PanelGeometry::Plane &plane : g.planes) {
          int64_t fields = 8 / plane.width;
          uint32_t value = (stored >> plane.shift) & ((1u << plane.width) - 1);
          chunk[plane.offset + quad / fields * 4 * g.columns + byte] |=
              char(value << (quad % fields * plane.width));
        }
      }
      sum += g.integerSums ? groupSum : scale * groupSum;
      if (g.hasOffsets())
        sum -= double(last - first) * zero;
    }
    if (g.sumBytes)
      writePanelSum(g, sum, panel, column);
  }
}

void qnt::writePanelSum(const PanelGeometry &g, double sum, char *panel,
                        int64_t column) {
  char *at = panel + g.groups * g.groupBytes + 4 * column;
  if (g.integerSums) {
    auto whole = int32_t(sum);
    std::memcpy(at, &whole, 4);
    return;
  }
  auto rounded = float(sum);
  std::memcpy(at, &rounded, 4);
}

void PanelsAttr::unpack(const QTensorType &type, llvm::ArrayRef<char> blob,
                        llvm::MutableArrayRef<uint32_t> codes,
                        llvm::MutableArrayRef<float> scales,
                        llvm::MutableArrayRef<float> zeros) const {
  unpackPanels(type, PanelGeometry::of(type, *this), blob, codes, scales,
               zeros);
}

void qnt::unpackPanels(QTensorType type, const PanelGeometry &g,
                       llvm::ArrayRef<char> blob,
                       llvm::MutableArrayRef<uint32_t> codes,
                       llvm::MutableArrayRef<float> scales,
                       llvm::MutableArrayRef<float> zeros) {
  int64_t k = type.getShape()[1];
  unsigned bits = type.getFormat().getBits();
  uint32_t mask = bits == 32 ? ~0u : (1u << bits) - 1;
  bool signedZero = type.getFormat().getMin() < 0 && g.excess == 0;
  for (int64_t row = 0; row < type.getShape()[0]; ++row)
    for (int64_t group = 0; group < g.groups; ++group) {
      int64_t column = row % g.columns;
      const char *base =
          blob.data() + row / g.columns * g.panelBytes + group * g.groupBytes;
      if (g.scaleBytes)
        scales[row * g.groups + group] = readScale(
            base + column * (g.scaleBytes / g.columns), type.getScaleType());
      if (g.hasOffsets()) {
        std::memcpy(&zeros[row * g.groups + group],
                    base + g.scaleBytes + 4 * column, 4);
      } else if (g.zeroBytes) {
        char zero = base[g.scaleBytes + column];
        zeros[row * g.groups + group] =
            float(signedZero ? int8_t(zero) : uint8_t(zero) - int(g.excess));
      }
      int64_t first = group * g.group;
      for (int64_t i = first, end = std::min(first + g.group, k); i < end;
           ++i) {
        int64_t inChunk = (i - first) % g.chunk;
        const char *chunk = base + g.scaleBytes + g.zeroBytes +
                            (i - first) / g.chunk * g.chunkBytes;
        uint32_t code = 0;
        if (g.chunk == 1) {
          int64_t bytes = g.chunkBytes / g.columns;
          std::memcpy(&code, chunk + column * bytes, bytes);
        }
        for (const PanelGeometry::Plane &plane : g.planes) {
          int64_t fields = 8 / plane.width, quad = inChunk / 4;
          auto byte =
              uint8_t(chunk[plane.offset + quad / fields * 4 * g.columns +
                            4 * column + inChunk % 4]);
          code |= (byte >> (quad % fields * plane.width) &
                   ((1u << plane.width) - 1))
                  << plane.shift;
        }
        codes[row * k + i] = (code - g.excess) & mask;
      }
    }
}
