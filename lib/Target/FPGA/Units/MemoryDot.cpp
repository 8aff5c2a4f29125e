//===- MemoryDot.cpp - dot products with weights in memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Folder.h"
#include "../Units.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Words that a fetch is ahead: a block RAM's, and the cycles that a memory may
/// take to answer without a pause.
static constexpr int64_t wordsAhead = 512;

namespace {
/// Of a dot product with a port.
struct Tiles {
  explicit Tiles(DotOp op)
      : Tiles(op, op.getResult().getType().getLanes(),
              op.getInput().getType().getLanes()) {}
  Tiles(DotOp op, int64_t rows, int64_t lanes)
      : from(withLanes(op.getInput().getType(), lanes)),
        to(withLanes(op.getResult().getType(), rows)),
        vectors(from.getElements() / from.getShape().back()), rows(rows),
        count(to.getShape().back() / rows),
        steps(from.getShape().back() / from.getLanes()),
        word(from.getLanes() * rows),
        weight(IntegerType::get(op.getContext(), op.getWeightBits(),
                                op.getFormat() ? IntegerType::Unsigned
                                               : IntegerType::Signed)) {}

  StreamType getWeights() const {
    return StreamType::get(from.getContext(), {count, steps, word}, weight,
                           word);
  }
  /// As a fetch gives them: as many weights as make words of the dot product,
  /// or parts of one, and fit into a word of memory.
  StreamType getFetched(int64_t port) const;
  StreamType getSums() const {
    if (vectors == 1)
      return StreamType::get(from.getContext(), {count * rows}, to.getElement(),
                             rows);
    return StreamType::get(from.getContext(), {count, vectors, rows},
                           to.getElement(), rows);
  }
  StreamType from, to;
  int64_t vectors, rows, count, steps, word;
  /// As it is stored.
  IntegerType weight;
};
} // namespace

StreamType Tiles::getFetched(int64_t port) const {
  int64_t fit = port / weight.getWidth(), most = 1;
  if (fit < word) {
    for (int64_t lanes = 1; lanes <= fit; ++lanes)
      if (word % lanes == 0)
        most = lanes;
    return StreamType::get(from.getContext(), {count, steps, word}, weight,
                           most);
  }
  for (int64_t words = 1; words * word <= fit; ++words)
    if (count * steps % words == 0)
      most = words;
  if (most == 1)
    return getWeights();
  return StreamType::get(from.getContext(), {count * steps / most, word * most},
                         weight, word * most);
}

int64_t fpga::countMemoryCycles(DotOp op, int64_t rows, int64_t lanes) {
  Tiles tiles(op, rows, lanes);
  int64_t cycles =
      std::max(TiledDotOp::countCycles(tiles.vectors, tiles.count, tiles.steps),
               tiles.getFetched(int64_t(*op.getPort())).getWords());
  return tiles.vectors > 1 ? std::max(cycles, 2 * tiles.vectors * tiles.count)
                           : cycles;
}

ProcessOp fpga::lowerMemoryDot(DotOp op, OpBuilder &builder) {
  Tiles tiles(op);
  Value weights =
      builder.getBlock()->addArgument(tiles.getWeights(), op.getLoc());
  auto unit = TiledDotOp::create(builder, op.getLoc(), tiles.getSums(),
                                 op.getInput(), weights, op.getMinifloatAttr(),
                                 op.getBias().value_or(DenseIntElementsAttr()),
                                 op.getInLuts());
  return lowerTiledDot(unit, builder);
}

static StreamType withShape(StreamType type, ArrayRef<int64_t> shape,
                            int64_t lanes) {
  return StreamType::get(type.getContext(), shape, type.getElement(), lanes);
}

static Value widen(OpBuilder &builder, Value stream, StreamType to) {
  if (stream.getType() == to)
    return stream;
  return WidthOp::create(builder, stream.getLoc(), to, stream);
}

/// What comes from memory, in words of the dot product.
static Value fetchWeights(DotOp op, const Tiles &tiles, OpBuilder &builder) {
  auto port = int64_t(*op.getPort());
  StreamType type = tiles.getFetched(port);
  SmallVector<int64_t> numbers =
      tileWeights(op.getWeights(), tiles.rows, tiles.from.getLanes());
  if (auto format = op.getFormat())
    for (int64_t &number : numbers)
      number = int64_t(*format->encode(number));
  auto fetches = op->getBlock()->getOps<FetchOp>();
  size_t number = std::distance(fetches.begin(), fetches.end());
  int64_t burst = FetchOp::getBurst(port);
  Value fetched = FetchOp::create(builder, op.getLoc(), type,
                                  "weights" + std::to_string(number),
                                  makeTensor(op.getContext(), type.getShape(),
                                             tiles.weight.getWidth(), numbers),
                                  port, burst, wordsAhead);
  return widen(builder, fetched, tiles.getWeights());
}

/// The requantiser that reads the sums alone, in words of which one of a tile's
/// rows has a whole number; null where it is none.
static RequantizeOp findRequantizer(DotOp op) {
  Value stream = op.getResult();
  Operation *reader = *stream.user_begin();
  while (isa<WidthOp, FifoOp>(reader))
    reader = *reader->getResult(0).user_begin();
  auto requantize = dyn_cast<RequantizeOp>(reader);
  if (!requantize || requantize.getAddend())
    return {};
  StreamType from = requantize.getInput().getType();
  StreamType sums = op.getResult().getType();
  bool isWhole = from.getShape() == sums.getShape() &&
                 sums.getLanes() % from.getLanes() == 0;
  return isWhole ? requantize : RequantizeOp();
}

/// Frames [tiles, vectors, rows] as [..., N]. It keeps up with the dot product,
/// which waits a word's time each `steps` cycles.
static Value reorder(OpBuilder &builder, Value stream, const Tiles &tiles,
                     ArrayRef<int64_t> shape) {
  auto type = cast<StreamType>(stream.getType());
  int64_t cycles =
      TiledDotOp::countCycles(tiles.vectors, tiles.count, tiles.steps);
  int64_t lanes = type.getLanes();
  while (lanes < tiles.rows &&
         (tiles.rows % lanes || 2 * type.getElements() / lanes > cycles))
    ++lanes;
  if (lanes % type.getLanes())
    lanes = tiles.rows;
  stream = widen(builder, stream, withShape(type, type.getShape(), lanes));
  return ReorderOp::create(builder, stream.getLoc(),
                           withShape(type, shape, lanes), stream,
                           ArrayRef<int64_t>{1, 0, 2});
}

void fpga::expandMemoryDot(DotOp op) {
  Tiles tiles(op);
  OpBuilder builder(op);
  Value weights = fetchWeights(op, tiles, builder);
  Value sums = TiledDotOp::create(builder, op.getLoc(), tiles.getSums(),
                                  op.getInput(), weights, op.getMinifloatAttr(),
                                  op.getBias().value_or(DenseIntElementsAttr()),
                                  op.getInLuts());
  if (tiles.vectors == 1) {
    Value vector = widen(builder, sums, tiles.to);
    op.replaceAllUsesWith(vector);
    return op.erase();
  }
  RequantizeOp requantize = findRequantizer(op);
  if (!requantize) {
    Value ordered = reorder(builder, sums, tiles, tiles.to.getShape());
    op.replaceAllUsesWith(widen(builder, ordered, tiles.to));
    return op.erase();
  }
  StreamType taken = requantize.getInput().getType(),
             given = requantize.getResult().getType();
  auto sumsType = cast<StreamType>(sums.getType());
  builder.setInsertionPoint(requantize);
  Value parts =
      widen(builder, sums,
            withShape(sumsType, sumsType.getShape(), taken.getLanes()));
  auto codes = RequantizeOp::create(
      builder, requantize.getLoc(),
      withShape(given, sumsType.getShape(), taken.getLanes()), parts, Value(),
      requantize.getMultipliers(), requantize.getOffsets(),
      requantize.getShifts(), DenseIntElementsAttr(), requantize.getClamp(),
      requantize.getInLuts(), requantize.getByThresholds(), /*tiled=*/true);
  Value ordered = reorder(builder, codes, tiles, given.getShape());
  requantize.replaceAllUsesWith(widen(builder, ordered, given));
  Operation *unused = requantize;
  while (unused != op) {
    Operation *before = unused->getOperand(0).getDefiningOp();
    unused->erase();
    unused = before;
  }
  op.erase();
}
