//===- MeasureTiles.cpp - times tiles ---------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MeasureTiles.h"

#include "MachineFiles.h"
#include "MeasureLatency.h"

#include "qnt/Support/Progress.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;

/// The layers that are timed, and the rows of a long input: a multiple of the
/// rows of most tiles.
static constexpr int64_t features = 2048, inputs = 4096, manyRows = 240;
/// Tiles that are tried for many rows.
static constexpr size_t mostTried = 8;

namespace {
/// Times the tiles of one kind of layer.
class TileMeasurement {
public:
  TileMeasurement(const cpu::ISA &isa, const LatencyTable::Machine &machine,
                  LatencyKind kind, unsigned bits)
      : isa(isa), machine(machine), kind(std::move(kind)),
        estimated(cpu::chooseTiles(isa, getKind(bits))) {
    listCandidates(getKind(bits));
  }

  size_t getCount() const { return candidates.size(); }
  llvm::Expected<TileTable::Kind> run(support::Progress &progress);

private:
  cpu::TileKind getKind(unsigned bits) const {
    return {/*isInteger=*/true, bits, kind.group};
  }
  void listCandidates(const cpu::TileKind &tileKind);
  /// The estimated tiles with that of one row, or of many, replaced.
  cpu::Tiles replace(cpu::Tile tile) const;

  const cpu::ISA &isa;
  const LatencyTable::Machine &machine;
  const LatencyKind kind;
  const cpu::Tiles estimated;
  std::vector<cpu::Tile> candidates;
};
} // namespace

void TileMeasurement::listCandidates(const cpu::TileKind &tileKind) {
  std::vector<std::pair<double, cpu::Tile>> many;
  for (cpu::Tile tile : cpu::listTiles(isa, tileKind)) {
    double cycles = cpu::getStepCycles(isa, tileKind, tile) /
                    double(tile.rows * tile.panels);
    if (tile.rows == 1)
      candidates.push_back(tile);
    else
      many.emplace_back(cycles, tile);
  }
  llvm::sort(many, [](const auto &a, const auto &b) {
    return std::tuple(a.first, a.second.rows) <
           std::tuple(b.first, b.second.rows);
  });
  many.resize(std::min(many.size(), mostTried));
  for (const auto &[cycles, tile] : many)
    candidates.push_back(tile);
}

cpu::Tiles TileMeasurement::replace(cpu::Tile tile) const {
  cpu::Tiles tiles = estimated;
  if (tile.rows == 1) {
    tiles.front() = tile;
    return tiles;
  }
  tiles.pop_back();
  while (tiles.size() > 1 && tiles.back().rows >= tile.rows)
    tiles.pop_back();
  tiles.push_back(tile);
  return tiles;
}

llvm::Expected<TileTable::Kind>
TileMeasurement::run(support::Progress &progress) {
  TileTable::Kind result;
  std::optional<TileTable::Measured> row, rows;
  for (cpu::Tile tile : candidates) {
    int64_t count = tile.rows == 1 ? 1 : manyRows;
    LatencyPlan plan;
    plan.features = {features};
    plan.inputs = {inputs};
    plan.tiles = cpu::toText(replace(tile));
    plan.showsProgress = false;
    auto table = measureLatencies(machine, {{kind, count}}, plan);
    if (!table)
      return table.takeError();
    double seconds = table->find(kind, count)->seconds.front() / double(count);
    result.measured.push_back({tile, seconds});
    std::optional<TileTable::Measured> &best = count == 1 ? row : rows;
    if (!best || seconds < best->seconds)
      best = result.measured.back();
    progress.advance();
  }
  result.tiles = rows ? replace(rows->tile) : estimated;
  result.tiles.front() = row->tile;
  return result;
}

llvm::Error qnt::measureTiles(ArrayRef<ReportedFormat> formats,
                              const cpu::ISA &isa, raw_ostream &os) {
  if (!cpu::isRunnable(isa))
    return llvm::createStringError("tiles of " + isa.name +
                                   " cannot be measured on this machine, which "
                                   "runs " +
                                   cpu::getNativeISA().name);
  LatencyTable::Machine machine = getMachine(isa, /*threads=*/1);
  std::vector<TileMeasurement> measurements;
  std::vector<std::string> names;
  size_t steps = 0;
  for (const ReportedFormat &format : formats) {
    if (!format.activation.format)
      return llvm::createStringError(
          "tiles of activations in floats are not measured: the order of their "
          "sums depends on them; expected activations of integers, not '" +
          format.name + "'");
    auto kind = makeKind(format.of({{features, inputs}, 1, 1}));
    if (!kind)
      return kind.takeError();
    names.push_back(kind->weight +
                    (kind->group ? ":" + std::to_string(kind->group) : ""));
    measurements.emplace_back(isa, machine, *kind, format.weight.getBits());
    steps += measurements.back().getCount();
  }
  auto path = prepareMachineFile(getTileTableName(isa));
  if (!path)
    return path.takeError();
  TileTable table = TileTable::read(*path, machine);
  support::Progress progress("measure tiles", int64_t(steps));
  os << machine.cpu << ", " << machine.isa << ", qnt " << machine.version
     << "\n"
     << llvm::formatv("{0,-12}{1,8}{2,8}{3,12}{4,10}\n", "weights", "rows",
                      "panels", "us a row", "GOP/s");
  for (auto [name, measurement] : llvm::zip_equal(names, measurements)) {
    auto kind = measurement.run(progress);
    if (!kind)
      return kind.takeError();
    for (const TileTable::Measured &each : kind->measured) {
      bool isChosen = llvm::any_of(kind->tiles, [&](cpu::Tile tile) {
        return tile.rows == each.tile.rows && tile.panels == each.tile.panels;
      });
      os << llvm::formatv("{0,-12}{1,8}{2,8}{3,12:F2}{4,10:F1}{5}\n", name,
                          each.tile.rows, each.tile.panels, each.seconds * 1e6,
                          2 * double(features * inputs) / each.seconds / 1e9,
                          isChosen ? "  chosen" : "");
    }
    table.kinds.insert_or_assign(name, std::move(*kind));
  }
  table.write(*path);
  return llvm::Error::success();
}
