//===- Lanes.h - where lanes of vectors come from -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_LANES_H
#define QNT_LIB_TARGET_FPGA_LANES_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace qnt::fpga {

/// Of an integer, or of the elements of a vector.
int64_t getElementBits(mlir::Type type);

/// 1 of an integer.
int64_t countLanes(mlir::Type type);

/// What an op that moves lanes makes of them. Lanes of vectors are counted
/// row-major.
struct Gather {
  llvm::SmallVector<mlir::Value> sources;
  /// For each lane of the result its number in `sources`, counted on from one
  /// to the next.
  llvm::SmallVector<int64_t> lanes;

  /// Lanes [begin, begin + count) of the result, which are those from `first`
  /// on of `source`.
  struct Run {
    int64_t begin, count;
    mlir::Value source;
    int64_t first;
  };
  llvm::SmallVector<Run> getRuns() const;
};

/// None for ops that do anything else.
std::optional<Gather> getGather(mlir::Operation *op);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_LANES_H
