//===- Rope.cpp - rotations of pairs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
#include "Rows.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Cosines and sines of a word's pairs: [T, D / 2 / lanes, 2 * lanes].
static DenseIntElementsAttr orderTable(RopeOp op, int64_t lanes) {
  SmallVector<int64_t> table = getNumbers(op.getTable()), words;
  int64_t half = op.getHeadSize() / 2, count = half / lanes;
  for (int64_t t = 0; t < op.getTokens(); ++t)
    for (int64_t word = 0; word < count; ++word)
      for (int64_t side : {0, 1})
        for (int64_t lane = 0; lane < lanes; ++lane)
          words.push_back(table[(2 * t + side) * half + word * lanes + lane]);
  return makeTensor(op.getContext(), {op.getTokens() * count, 2 * lanes}, 16,
                    words);
}

ProcessOp fpga::lowerRope(RopeOp op, OpBuilder &place) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  int64_t lanes = from.getLanes(), words = op.getHeadSize() / 2 / lanes,
          heads = op.getHeads();
  int64_t loops[] = {op.getTokens() * heads + 1, 2, words};
  ProcessBuilder process(
      place, op.getLoc(),
      {"rope", op->getOperands(), op->getResultTypes(), loops});
  Rows rows(process, loops);
  Value word = process.index(2);
  Value isLow = process.isAt(process.index(1), 0);
  Value isHigh = process.isAt(process.index(1), 1);

  // The lower half of a head is needed until its last number is given: those of
  // two heads are kept.
  Value fresh = process.read(0, rows.reads);
  unsigned bits = ProcessOp::getIndexBits(2 * words);
  Value first = process.resize(word, bits, /*isSigned=*/false);
  Value second = process.add(first, process.integer(bits, words));
  Value isOdd = process.countUp(2, rows.isLast).now;
  Value lows = process.memory(2 * words, fresh.getType());
  Value low = process.load(lows, process.select(isOdd, first, second));
  process.store(fresh, lows, process.select(isOdd, second, first),
                process.both(rows.reads, isLow));
  Value highs = process.memory(words, fresh.getType());
  Value high = process.load(highs, word);
  process.store(fresh, highs, word, process.both(rows.reads, isHigh));

  Value table = process.lookUp(
      orderTable(op, lanes),
      process.countGroups(op.getTokens(), 2 * heads, words, rows.gives)
          .address);
  auto takeLanes = [&](int64_t begin) {
    return process.shuffle(table, table,
                           llvm::to_vector(llvm::seq(begin, begin + lanes)));
  };
  auto getNumber = [&](Value codes) {
    return process.subtractZero(codes, from.getElement(), op.getZero());
  };
  Value a = getNumber(process.select(isLow, low, high));
  Value other = getNumber(process.select(isLow, high, low));
  unsigned numberBits =
      cast<VectorType>(other.getType()).getElementTypeBitWidth() + 1;
  other = process.resize(other, numberBits, /*isSigned=*/true);
  Value b = process.select(
      isLow, process.subtract(process.splat(other.getType(), 0), other), other);
  auto multiply = [&](Value number, int64_t begin) {
    return process.resize(process.multiply(number, true, takeLanes(begin), true,
                                           /*inLuts=*/false),
                          to.getElement().getWidth(), /*isSigned=*/true);
  };
  process.write(0, process.add(multiply(a, 0), multiply(b, lanes)), rows.gives);
  return process.finish();
}
