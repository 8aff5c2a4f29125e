//===- TileTable.h - the tiles that a machine is fastest with ---*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_TILETABLE_H
#define QNT_LIB_PIPELINES_TILETABLE_H

#include "LatencyTable.h"

#include "qnt/Target/CPU/Tiles.h"

#include "llvm/Support/Error.h"

namespace qnt {

/// Measured tiles of linear layers on codes, by kind (docs/costs.md). Sums are
/// the same whatever the tiles are; those of floats are not, so theirs are not
/// measured.
class TileTable {
public:
  struct Measured {
    cpu::Tile tile;
    /// Of a layer for each of its input rows.
    double seconds = 0;
  };
  struct Kind {
    /// Chosen of `measured`, for one row, few, and many.
    cpu::Tiles tiles;
    /// With one row and with many.
    std::vector<Measured> measured;
  };

  explicit TileTable(LatencyTable::Machine machine)
      : machine(std::move(machine)) {}
  /// Of the file at `path`; empty where there is none, or one of another
  /// machine or version. Threads do not matter. Throws support::FileError where
  /// it cannot be read.
  static TileTable read(const std::string &path,
                        const LatencyTable::Machine &machine);
  /// Throws support::FileError.
  void write(const std::string &path) const;

  /// As qnt-cpu-strategy takes them.
  std::string getText() const;

  const LatencyTable::Machine machine;
  /// By name, such as "int4:32".
  std::map<std::string, Kind> kinds;
};

/// The name of the file about this machine that keeps the table.
std::string getTileTableName(const cpu::ISA &isa);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_TILETABLE_H
