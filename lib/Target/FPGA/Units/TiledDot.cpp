//===- TiledDot.cpp - dot products with weights that stream in -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
#include "Minifloats.h"
#include "Sums.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// Writes the body.
class TiledDotBuilder {
public:
  TiledDotBuilder(TiledDotOp op, OpBuilder &builder)
      : op(op), vectors(op.getVectors()), tiles(op.getTiles()),
        steps(op.getSteps()), isRepeated(vectors > 1),
        process(builder, op.getLoc(),
                {"tiled_dot",
                 op->getOperands(),
                 op->getResultTypes(),
                 {tiles + isRepeated, vectors, steps}}) {}
  ProcessOp run();

private:
  Value keep(Value fresh, int64_t depth, Value address, Value isNew);
  Value readCodes();
  Value readWeights();

  TiledDotOp op;
  const int64_t vectors, tiles, steps;
  /// Whether a tile is used by several vectors, and so kept.
  const bool isRepeated;
  ProcessBuilder process;
};
} // namespace

/// All vectors are read in the first iterations, and kept.
Value TiledDotBuilder::readCodes() {
  Value isNew = process.isAt(process.index(0), 0);
  if (tiles == 1 && !isRepeated)
    return process.read(0, process.isTrue());
  Value fresh = process.read(0, isNew);
  int64_t depth = vectors * steps;
  Value at = process.countUp(depth, process.isTrue()).now;
  Value kept = process.memory(depth, fresh.getType());
  Value old = process.load(kept, at);
  process.store(fresh, kept, at, isNew);
  // The first products are of the iterations behind those that read.
  return isRepeated ? old : process.select(isNew, fresh, old);
}

/// A tile comes a word each `vectors` iterations, into one half of a memory
/// while the other half has the one before.
Value TiledDotBuilder::readWeights() {
  if (!isRepeated)
    return process.read(1, process.isTrue());
  Value tile = process.index(0);
  Value comes = process.compare(
      arith::CmpIPredicate::ult, tile,
      process.integer(tile.getType().getIntOrFloatBitWidth(), tiles));
  Value isTime =
      process.isAt(process.countUp(vectors, process.isTrue()).now, 0);
  Value isNew = process.both(comes, isTime);
  Value fresh = process.read(1, isNew);
  Value kept = process.memory(2 * steps, fresh.getType());
  // Of the last tile that came, in the second half at first.
  unsigned bits = ProcessOp::getIndexBits(2 * steps);
  Value half = process.addState(process.getBuilder().getBoolAttr(true));
  Value isEnd = process.both(process.isAt(process.index(1), vectors - 1),
                             process.isAt(process.index(2), steps - 1));
  process.setNext(half, arith::XOrIOp::create(process.getBuilder(), op.getLoc(),
                                              half, isEnd));
  Value step = process.resize(process.index(2), bits, /*isSigned=*/false);
  Value weights = process.load(
      kept, process.select(
                half, process.add(step, process.integer(bits, steps)), step));
  process.store(fresh, kept, process.countUp(2 * steps, isNew).now, isNew);
  return weights;
}

ProcessOp TiledDotBuilder::run() {
  StreamType to = op.getResult().getType();
  int64_t lanes = op.getInput().getType().getLanes(), rows = to.getLanes();
  unsigned sumBits = to.getElement().getWidth();
  Value step = process.index(2), tile = process.index(0);
  Value codes = readCodes(), word = readWeights();
  Value weights = vector::ShapeCastOp::create(
      process.getBuilder(), op.getLoc(),
      VectorType::get({lanes, rows},
                      cast<VectorType>(word.getType()).getElementType()),
      word);
  bool isSigned = op.getInput().getType().getElement().isSigned();
  auto format = op.getFormat();
  Value products =
      format ? multiplyMinifloats(process, codes, isSigned, weights, *format,
                                  format->getIntegerBits(), op.getInLuts())
             : multiplyRows(process, codes, isSigned, weights, op.getInLuts());
  Value sum = process.sumRows(products, sumBits);
  Value bias;
  if (op.getBias()) {
    // Iterations of a tile follow those in which it came.
    SmallVector<int64_t> numbers(isRepeated ? rows : 0, 0);
    llvm::append_range(numbers, getNumbers(*op.getBias()));
    bias =
        process.lookUp(makeTensor(op.getContext(), {tiles + isRepeated, rows},
                                  sumBits, numbers),
                       tile);
  }
  Value isDone = process.isAt(step, steps - 1);
  if (isRepeated)
    isDone = process.both(
        isDone,
        process.compare(
            arith::CmpIPredicate::ne, tile,
            process.integer(tile.getType().getIntOrFloatBitWidth(), 0)));
  process.write(0, accumulate(process, sum, bias, step, steps), isDone);
  return process.finish();
}

ProcessOp fpga::lowerTiledDot(TiledDotOp op, OpBuilder &builder) {
  return TiledDotBuilder(op, builder).run();
}
