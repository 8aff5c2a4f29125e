//===- MemoryPlan.h - where buffers lie in a frame -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_MEMORYPLAN_H
#define QNT_LIB_TARGET_COMMON_MEMORYPLAN_H

#include "Dims.h"

namespace qnt::target {

/// Offsets of a function's buffers in its frame. Buffers whose sizes are the
/// same product of symbols times a constant share a region, and within it bytes
/// whose lifetimes do not overlap: offsets are constants times that product.
class MemoryPlan {
public:
  /// The symbols whose product scales a region.
  using Monomial = llvm::SmallVector<std::pair<int64_t, bool>, 2>;

  struct Buffer {
    Monomial region;
    int64_t unitBytes = 0, unitOffset = 0;
    int64_t first = 0, last = 0;
  };

  /// Reserves `bytes` times the product of `dims`, symbols of `table`, from
  /// step `first` to `last`; returns the buffer's index.
  unsigned add(const DimTable &table, llvm::ArrayRef<Dim> dims, int64_t bytes,
               int64_t first, int64_t last);
  void extend(unsigned buffer, int64_t last) {
    buffers[buffer].last = std::max(buffers[buffer].last, last);
  }
  /// Chooses the offsets.
  void place();

  llvm::SmallVector<Buffer> buffers;
  /// Bytes of each region per unit of its product, in order of layout.
  std::map<Monomial, int64_t> regions;
};

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_MEMORYPLAN_H
