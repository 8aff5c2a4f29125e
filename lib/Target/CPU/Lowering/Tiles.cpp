//===- Tiles.cpp - register tiles of linear layers --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A step of a tile of r rows and p panels is r * p products, r inputs that are
// broadcast from memory, p vectors of weights that are loaded and decoded. The
// wider a tile is in both directions, the fewer loads it has for a product, as
// far as registers go. The model ranks tiles; what a machine makes of them is
// measured (quant-opt --measure-tiles).
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/CPU/Tiles.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// Rows of the bucket between one and many.
static constexpr int64_t fewRows = 4;
static constexpr int64_t mostPanels = 4, mostRows = 16;
/// Of all loads, the share that is not hidden behind products.
static constexpr double loadShare = 0.125;

Throughput Throughput::of(const ISA &isa, bool isInteger) {
  if (isa.vectorRegisters >= 32)
    return {2, 1, 5};
  if (isa.vectorRegisters >= 8)
    return {isInteger ? 0.25 : 1.0, 1, 5};
  return {0.25, 0.5, 5};
}

TileKind TileKind::of(qnt::LinearOp op) {
  QTensorType weight = op.getWeight().getType();
  bool isGrouped = weight.getBlock().getKind() == BlockKind::Group;
  return {isa<QTensorType>(op.getInput().getType()),
          weight.getFormat().getBits(),
          isGrouped ? weight.getBlock().getGroup() : 0};
}

std::string TileKind::getName(qnt::LinearOp op) {
  TileKind kind = of(op);
  std::string name = op.getWeight().getType().getFormat().getName();
  if (kind.group)
    name += ":" + std::to_string(kind.group);
  return kind.isInteger ? name : name + "/none";
}

/// Vector operations that make a step's weights of a panel from what is stored.
static double getDecoding(const TileKind &kind) {
  if (kind.bits > 8)
    return 0;
  // To f32: a field is cut out, converted and scaled.
  if (!kind.isInteger)
    return 4;
  return kind.bits == 8 ? 0 : 1.5;
}

/// In units of 512 bits.
static double getRegisters(const ISA &isa, const TileKind &kind, Tile tile) {
  bool isRescaled = kind.isInteger && kind.group;
  double accumulators = double(tile.rows * tile.panels) * (isRescaled ? 2 : 1);
  // To f32: words, scales, and what is being decoded.
  bool isWide = isa.vectorRegisters >= 32;
  bool isDecoded = !kind.isInteger && kind.bits <= 8;
  double weights = double(tile.panels) * (!isDecoded ? 1 : isWide ? 5 : 3);
  // A vector of 512 bits is one register, or several.
  double size = isWide ? 1 : 0.5;
  double temporaries = size * (kind.isInteger && !isa.hasExactDot() ? 3 : 1) +
                       (kind.bits < 8 ? size : 0);
  return accumulators + weights + temporaries;
}

SmallVector<Tile> qnt::cpu::listTiles(const ISA &isa, const TileKind &kind) {
  // The compiler needs one or two for itself.
  double available = isa.vectorRegisters >= 32 ? 30 : isa.vectorRegisters;
  SmallVector<Tile> tiles;
  for (int64_t rows = 1; rows <= mostRows; ++rows)
    for (int64_t panels = 1; panels <= mostPanels; ++panels)
      if (Tile tile{rows, panels}; (rows <= 2 && panels == 1) ||
                                   getRegisters(isa, kind, tile) <= available)
        tiles.push_back(tile);
  return tiles;
}

double qnt::cpu::getStepCycles(const ISA &isa, const TileKind &kind,
                               Tile tile) {
  Throughput throughput = Throughput::of(isa, kind.isInteger);
  double sums = double(tile.rows * tile.panels), vectors = sums;
  // Sums of integers are converted, scaled and added group by group.
  if (kind.isInteger && kind.group)
    vectors += 2 * sums * 4 / double(kind.group);
  // Integers are decoded beside the products' ports, or some of them.
  vectors +=
      double(tile.panels) * getDecoding(kind) * (kind.isInteger ? 0.5 : 1);
  double loads = double(tile.rows + tile.panels) / throughput.loadsPerCycle;
  return std::max({vectors / throughput.productsPerCycle, loads,
                   throughput.latency}) +
         loadShare * loads;
}

Tiles qnt::cpu::chooseTiles(const ISA &isa, const TileKind &kind) {
  SmallVector<Tile> all = listTiles(isa, kind);
  auto choose = [&](int64_t least, int64_t most) {
    std::optional<Tile> best;
    double bestCycles = 0;
    for (Tile tile : all) {
      if (tile.rows < least || tile.rows > most)
        continue;
      double cycles =
          getStepCycles(isa, kind, tile) / double(tile.rows * tile.panels);
      if (!best || cycles < bestCycles) {
        best = tile;
        bestCycles = cycles;
      }
    }
    return best;
  };
  // One row is as fast as memory: two streams of weights, or as many sums as
  // hide the latency of one where no group begins a new one.
  bool isWide = isa.vectorRegisters >= 32;
  bool isLong = kind.isInteger && !kind.group;
  Tiles tiles{{1, isWide && isLong ? 4 : isa.vectorRegisters >= 8 ? 2 : 1}};
  for (auto [least, most] :
       {std::pair(int64_t(2), fewRows), {fewRows + 1, mostRows}})
    if (std::optional<Tile> tile = choose(least, most))
      tiles.push_back(*tile);
  return tiles;
}

std::string qnt::cpu::toText(const Tiles &tiles) {
  std::string text;
  for (Tile tile : tiles)
    text += (text.empty() ? "" : "+") + std::to_string(tile.rows) + "x" +
            std::to_string(tile.panels);
  return text;
}

static llvm::Error complain(StringRef entry) {
  return llvm::createStringError("tiles '" + entry +
                                 "', expected ROWSxPANELS of ascending rows "
                                 "from 1, such as 1x4+4x2+6x2");
}

llvm::Expected<std::optional<Tiles>> qnt::cpu::findTiles(StringRef text,
                                                         StringRef kind) {
  std::optional<Tiles> found;
  for (StringRef entry : llvm::split(text, ',')) {
    if (entry.empty())
      continue;
    auto [name, list] =
        entry.contains('=') ? entry.split('=') : std::pair(kind, entry);
    Tiles tiles;
    for (StringRef item : llvm::split(list, '+')) {
      auto [rows, panels] = item.split('x');
      Tile tile;
      if (rows.getAsInteger(10, tile.rows) ||
          panels.getAsInteger(10, tile.panels) || tile.panels < 1 ||
          tile.rows <= (tiles.empty() ? 0 : tiles.back().rows))
        return complain(entry);
      tiles.push_back(tile);
    }
    if (tiles.front().rows != 1)
      return complain(entry);
    if (name == kind)
      found = tiles;
  }
  return found;
}
