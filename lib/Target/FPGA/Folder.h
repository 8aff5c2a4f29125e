//===- Folder.h - lanes for the units of a design ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_FOLDER_H
#define QNT_LIB_TARGET_FPGA_FOLDER_H

#include "Units.h"

#include <map>

namespace qnt::fpga {

/// Rows (`pe`) and inputs (`simd`) of a dot product that are multiplied at
/// once, and where.
struct DotFolding {
  int64_t pe = 0, simd = 0;
  bool inLuts = false;
  /// Rows, and vectors, that share a product.
  int64_t shared = 1, vectors = 1;
  /// Minifloats are stored as the integers that they are.
  bool asIntegers = false;
  /// By tables of sums.
  bool inTables = false;

  /// Or what is looked up at once.
  int64_t getMultipliers() const {
    return pe * (inTables ? qflow::DotOp::countTables(simd) : simd);
  }
};

/// How a requantiser makes codes: by products in DSPs, or one of these.
struct RequantizerFolding {
  bool inLuts = false;
  bool byThresholds = false;
};

/// Where a unit of single channels multiplies; its lanes are the fewest that
/// take no more cycles than there are.
struct DepthwiseFolding {
  bool inLuts = false;
};

/// How much of each unit of a design works at once.
struct Folding {
  /// What a frame may take; the units that are not named here get the fewest
  /// lanes that do.
  int64_t cycles = 0;
  /// By the units' numbers, in their order.
  std::map<size_t, DotFolding> dots;
  std::map<size_t, RequantizerFolding> requantizers;
  std::map<size_t, DepthwiseFolding> depthwise;
};

/// All that a dot product can have, of a frame in any number of cycles; those
/// of pairs of vectors, as far as lanes go; those by tables, none where weights
/// are others or constants.
llvm::SmallVector<DotFolding> getFoldings(qflow::DotOp op);
llvm::SmallVector<DotFolding> getPairFoldings(qflow::DotOp op);
llvm::SmallVector<DotFolding> getTableFoldings(qflow::DotOp op);

/// Where and how it multiplies.
void setProducts(qflow::DotOp op, const DotFolding &folding);
void setProducts(qflow::RequantizeOp op, const RequantizerFolding &folding);
/// Numbers of lanes that a unit can have, ascending.
llvm::SmallVector<int64_t> getLegalLanes(const LaneFolding &unit);

/// Cycles of a frame.
int64_t countCycles(qflow::DotOp op, const DotFolding &folding);

/// Those of `foldings` with the fewest multipliers that are fast enough.
llvm::SmallVector<DotFolding>
getFewest(qflow::DotOp op, llvm::ArrayRef<DotFolding> foldings, int64_t cycles);

/// The stream with so many lanes.
qflow::StreamType withLanes(qflow::StreamType type, int64_t lanes);

/// Of the windows that a dot product with so many inputs at once reads, made of
/// `op`'s image.
qflow::StreamType foldWindows(qflow::WindowOp op, int64_t lanes);

/// Gives lanes to the units of a design whose streams have one each. Emits an
/// error at a unit that cannot be so fast.
mlir::LogicalResult foldDesign(qflow::DesignOp design, const Folding &folding);

/// The folding of least cycles, or with those of `cycles` unless that is 0, of
/// least resources within `limits`. Emits an error that says what the design
/// needs at the least where there is none.
struct PartLimits {
  llvm::StringRef part;
  int64_t dsps, luts, halfBlocks;
};
mlir::FailureOr<Folding> searchFolding(qflow::DesignOp design, int64_t cycles,
                                       const PartLimits &limits, double clock);

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_FOLDER_H
