//===- Tiles.h - register tiles of linear layers ----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CPU_TILES_H
#define QNT_TARGET_CPU_TILES_H

#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Target/CPU/ISA.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <optional>

namespace qnt::cpu {

/// What an instruction set computes in a cycle, in vectors of kLanes lanes of
/// 32 bits; estimates, by which tiles are ranked.
struct Throughput {
  double productsPerCycle, loadsPerCycle;
  /// Cycles from a sum to the next one of the same lane.
  double latency;

  static Throughput of(const ISA &isa, bool isInteger);
};

/// What the speed of a linear layer's tiles depends on beside the instruction
/// set.
struct TileKind {
  bool isInteger = false;
  unsigned bits = 32;
  /// Inputs that share a scale; 0: all.
  int64_t group = 0;

  static TileKind of(qnt::LinearOp op);
  /// "int4:32": as formats are written on the command line, with "/none" for
  /// activations of floats.
  static std::string getName(qnt::LinearOp op);
};

/// A tile of rows by panels of kLanes output features.
struct Tile {
  int64_t rows = 1, panels = 1;
};

/// By bucket of rows, ascending: a tile of bucket i serves inputs of at most so
/// many rows, the last one all.
using Tiles = llvm::SmallVector<Tile, 3>;

/// The tiles that the registers hold with accumulators, weights and what
/// decoding takes.
llvm::SmallVector<Tile> listTiles(const ISA &isa, const TileKind &kind);
/// Estimated cycles of a step of a tile: an input of each row, or four of
/// integers, with the panels' weights.
double getStepCycles(const ISA &isa, const TileKind &kind, Tile tile);
/// For one row, up to four, and more, those with the fewest estimated cycles.
Tiles chooseTiles(const ISA &isa, const TileKind &kind);

/// "1x4+4x4+6x4".
std::string toText(const Tiles &tiles);
/// Tiles by hand: "1x4+4x4+6x4", for layers of one kind "int4:32=1x2+6x2",
/// separated by commas. A later entry replaces an earlier one. Nothing where
/// there is no entry for `kind`; fails with what it does not understand.
llvm::Expected<std::optional<Tiles>> findTiles(llvm::StringRef text,
                                               llvm::StringRef kind);

} // namespace qnt::cpu

#endif // QNT_TARGET_CPU_TILES_H
