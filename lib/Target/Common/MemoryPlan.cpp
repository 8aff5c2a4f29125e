//===- MemoryPlan.cpp - where buffers lie in a frame -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MemoryPlan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt::target;

unsigned MemoryPlan::add(const DimTable &table, ArrayRef<Dim> dims,
                         int64_t bytes, int64_t first, int64_t last) {
  Buffer buffer;
  for (Dim dim : dims) {
    DimTable::Polynomial sum = table.expand(dim);
    if (dim.padded || sum.size() > 1) {
      buffer.region.push_back({dim.value, dim.padded});
      continue;
    }
    // Products are taken apart, so that buffers of [batch, 12, 64] and
    // [12 batch, 64] share a region.
    bytes *= sum.empty() ? 0 : sum.begin()->second;
    if (!sum.empty())
      for (int64_t symbol : sum.begin()->first)
        buffer.region.push_back({symbol, false});
  }
  llvm::sort(buffer.region);
  // Multiples of a cache line keep every offset aligned.
  buffer.unitBytes = llvm::alignTo(bytes, 64);
  buffer.first = first;
  buffer.last = last;
  buffers.push_back(buffer);
  return buffers.size() - 1;
}

void MemoryPlan::place() {
  // First fit, larger buffers first.
  SmallVector<unsigned> order;
  for (unsigned i = 0; i < buffers.size(); ++i)
    order.push_back(i);
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::pair(-buffers[a].unitBytes, a) <
           std::pair(-buffers[b].unitBytes, b);
  });
  SmallVector<unsigned> placed;
  for (unsigned i : order) {
    Buffer &buffer = buffers[i];
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (unsigned j : placed) {
      const Buffer &other = buffers[j];
      if (other.region == buffer.region && other.first <= buffer.last &&
          buffer.first <= other.last)
        taken.push_back({other.unitOffset, other.unitOffset + other.unitBytes});
    }
    llvm::sort(taken);
    int64_t offset = 0;
    for (auto [low, high] : taken) {
      if (offset + buffer.unitBytes <= low)
        break;
      offset = std::max(offset, high);
    }
    buffer.unitOffset = offset;
    int64_t &size = regions[buffer.region];
    size = std::max(size, offset + buffer.unitBytes);
    placed.push_back(i);
  }
}
