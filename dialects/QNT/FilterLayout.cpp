//===- FilterLayout.cpp - packing weights of convolutions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Filters are panels of a matrix: rows are rearranged into its inputs, then
// packed and unpacked as #qnt.panels are.
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/PanelGeometry.h"

#include <vector>

using namespace mlir;
using namespace qnt;

int64_t FiltersAttr::getRowMultiple() const {
  return getFeatures() ? getFeatures() : getColumns();
}

int64_t FiltersAttr::getByteSize(const QTensorType &type) const {
  return FilterGeometry::of(type, *this).getByteSize();
}

/// The row of the flat weight that holds output feature `feature`.
static int64_t flatRow(const FilterGeometry &g, int64_t feature) {
  return feature / g.features * g.panelsPerGroup * g.panels.columns +
         feature % g.features;
}

/// Calls visit(input, element) for each element of a filter with its place
/// among the inputs of the flat weight.
static void forEachInput(const FilterGeometry &g,
                         llvm::function_ref<void(int64_t, int64_t)> visit) {
  for (int64_t tap = 0; tap < g.runs * g.taps; ++tap) {
    int64_t first = tap / g.taps * g.runStored + tap % g.taps * g.channels;
    for (int64_t c = 0; c < g.depth; ++c)
      visit(first + c, tap * g.depth + c);
  }
}

void FiltersAttr::packRows(const QTensorType &type, const RowBlock &block,
                           llvm::MutableArrayRef<char> blob) const {
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = block.rows;
  auto g = FilterGeometry::of(type.withLayout({}).withShape(shape), *this);
  int64_t rows = g.flat.getShape()[0], inputs = g.flat.getShape()[1];
  int64_t elements = g.height * g.width * g.depth;
  // Rows and inputs that only pad are the number zero.
  std::vector<uint32_t> codes(rows * inputs, type.getFormat().encode(0));
  std::vector<float> scales(block.scales.empty() ? 0 : rows, 1.0f);
  std::vector<float> zeros(block.zeros.empty() ? 0 : rows, 0.0f);
  for (int64_t row = 0; row < block.rows; ++row) {
    int64_t to = flatRow(g, row);
    uint32_t *out = codes.data() + to * inputs;
    if (!scales.empty())
      scales[to] = block.scales[row];
    if (!zeros.empty()) {
      zeros[to] = block.zeros[row];
      std::fill(out, out + inputs, type.getFormat().encode(zeros[to]));
    }
    const uint32_t *in = block.codes.data() + row * elements;
    forEachInput(
        g, [&](int64_t input, int64_t element) { out[input] = in[element]; });
  }
  RowBlock flat{0, rows, codes, scales, zeros};
  if (g.panels.chunk == 1)
    packPanelsReference(g.flat, g.panels, flat, blob);
  else
    packPanels(g.flat, g.panels, flat, blob);
}

void FiltersAttr::unpack(const QTensorType &type, llvm::ArrayRef<char> blob,
                         llvm::MutableArrayRef<uint32_t> codes,
                         llvm::MutableArrayRef<float> scales,
                         llvm::MutableArrayRef<float> zeros) const {
  auto g = FilterGeometry::of(type, *this);
  int64_t rows = g.flat.getShape()[0], inputs = g.flat.getShape()[1];
  std::vector<uint32_t> flatCodes(rows * inputs);
  std::vector<float> flatScales(scales.empty() ? 0 : rows);
  std::vector<float> flatZeros(zeros.empty() ? 0 : rows);
  unpackPanels(g.flat, g.panels, blob, flatCodes, flatScales, flatZeros);
  int64_t elements = g.height * g.width * g.depth;
  for (int64_t row = 0; row < type.getShape()[0]; ++row) {
    int64_t from = flatRow(g, row);
    if (!scales.empty())
      scales[row] = flatScales[from];
    if (!zeros.empty())
      zeros[row] = flatZeros[from];
    forEachInput(g, [&](int64_t input, int64_t element) {
      codes[row * elements + element] = flatCodes[from * inputs + input];
    });
  }
}
