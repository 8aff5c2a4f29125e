//===- PackPanels.cpp - packing narrow codes fast -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What packPanelsReference does, four codes at a time: the codes of a row are
// first narrowed to bytes, and four neighbouring bytes, which stay together in
// every plane, are then shifted, masked and stored as one word.
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/PanelGeometry.h"

#include "ScaleBytes.h"

#include <cstring>

using namespace mlir;
using namespace qnt;

/// One plane of `width` bits of one column of a chunk: `quads` words of four
/// codes each, in vectors `stride` bytes apart.
template <unsigned width>
static void packPlane(const uint8_t *codes, int64_t quads, unsigned shift,
                      char *out, int64_t stride) {
  constexpr int64_t fields = 8 / width;
  constexpr uint32_t mask = 0x01010101u * ((1u << width) - 1);
  for (int64_t quad = 0; quad < quads; quad += fields, out += stride) {
    uint32_t word = 0;
    int64_t used = std::min(fields, quads - quad);
    for (int64_t field = 0; field < used; ++field) {
      uint32_t four;
      std::memcpy(&four, codes + 4 * (quad + field), 4);
      word |= ((four >> shift) & mask) << (field * width);
    }
    std::memcpy(out, &word, 4);
  }
}

namespace {
/// Packs the rows of one block.
class PanelPacker {
public:
  PanelPacker(QTensorType type, const PanelGeometry &geometry)
      : type(type), g(geometry), inputs(type.getShape()[1]),
        mask((1u << type.getFormat().getBits()) - 1), bytes(g.paddedInputs) {
    if (!g.sumBytes)
      return;
    isAffine = type.getFormat().getDecodeSpec().map == DecodeSpec::Map::Affine;
    for (uint32_t code = 0; code <= mask; ++code)
      numbers.push_back(type.getFormat().decode(code));
  }

  void packRow(const RowBlock &block, int64_t row, char *panel);

private:
  void narrow(const uint32_t *codes);
  double sumOf(const uint32_t *codes, int64_t count, float zero) const;

  QTensorType type;
  const PanelGeometry &g;
  int64_t inputs;
  uint32_t mask;
  /// The row's codes as stored; every group is padded to whole chunks by zeros,
  /// which nothing overwrites.
  std::vector<uint8_t> bytes;
  bool isAffine = false;
  std::vector<float> numbers;
};
} // namespace

void PanelPacker::narrow(const uint32_t *codes) {
  int64_t padded = g.chunksPerGroup * g.chunk;
  for (int64_t group = 0; group < g.groups; ++group) {
    int64_t first = group * g.group;
    int64_t count = std::min(g.group, inputs - first);
    uint8_t *out = bytes.data() + group * padded;
    for (int64_t i = 0; i < count; ++i)
      out[i] = uint8_t((codes[first + i] + g.excess) & mask);
  }
}

double PanelPacker::sumOf(const uint32_t *codes, int64_t count,
                          float zero) const {
  if (!isAffine) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i)
      sum += numbers[codes[i] & mask] - zero;
    return sum;
  }
  // Integers: exact, in any order.
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += int64_t(numbers[codes[i] & mask]);
  return double(sum) - double(count) * zero;
}

void PanelPacker::packRow(const RowBlock &block, int64_t row, char *panel) {
  const uint32_t *codes = block.codes.data() + row * inputs;
  int64_t column = row % g.columns, stride = 4 * g.columns;
  int64_t scaleWidth = g.scaleBytes / g.columns;
  narrow(codes);
  double sum = 0;
  for (int64_t group = 0; group < g.groups; ++group) {
    char *base = panel + group * g.groupBytes;
    float scale = 1, zero = 0;
    if (g.scaleBytes) {
      scale = block.scales[row * g.groups + group];
      writeScale(base + column * scaleWidth, scale, type.getScaleType());
    }
    if (g.zeroBytes) {
      zero = block.zeros[row * g.groups + group];
      g.writeZero(base + g.scaleBytes, column, zero);
    }
    if (g.sumBytes) {
      int64_t first = group * g.group;
      int64_t count = std::min(g.group, inputs - first);
      double numbers = sumOf(codes + first, count, g.hasOffsets() ? 0 : zero);
      sum += g.integerSums ? numbers : scale * numbers;
      if (g.hasOffsets())
        sum -= double(count) * zero;
    }
    char *out = base + g.scaleBytes + g.zeroBytes + 4 * column;
    const uint8_t *in = bytes.data() + group * g.chunksPerGroup * g.chunk;
    for (int64_t chunk = 0; chunk < g.chunksPerGroup; ++chunk) {
      for (const PanelGeometry::Plane &plane : g.planes) {
        auto pack = plane.width == 8   ? packPlane<8>
                    : plane.width == 4 ? packPlane<4>
                    : plane.width == 2 ? packPlane<2>
                                       : packPlane<1>;
        pack(in, g.chunk / 4, plane.shift, out + plane.offset, stride);
      }
      in += g.chunk;
      out += g.chunkBytes;
    }
  }
  if (g.sumBytes)
    writePanelSum(g, sum, panel, column);
}

void qnt::packPanels(QTensorType type, const PanelGeometry &geometry,
                     const RowBlock &block, llvm::MutableArrayRef<char> blob) {
  std::fill(blob.begin(), blob.end(), 0);
  PanelPacker packer(type, geometry);
  for (int64_t row = 0; row < block.rows; ++row)
    packer.packRow(block, row,
                   blob.data() + row / geometry.columns * geometry.panelBytes);
}
