//===- Reorder.cpp - frames with dimensions in another order -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// The words of a frame are stored as they come, in the first half of the
/// iterations, and loaded as they go in the second.
ProcessOp fpga::lowerReorder(ReorderOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType();
  SmallVector<int64_t> sizes(from.getShape());
  sizes.back() /= from.getLanes();
  SmallVector<int64_t> strides(sizes.size(), 1);
  for (size_t dim = sizes.size() - 1; dim > 0; --dim)
    strides[dim - 1] = strides[dim] * sizes[dim];
  SmallVector<int64_t> loops = {2}, moves;
  for (int64_t dim : op.getPermutation()) {
    loops.push_back(sizes[dim]);
    moves.push_back(strides[dim]);
  }
  int64_t words = from.getWords();
  unsigned bits = ProcessOp::getIndexBits(words);
  ProcessBuilder process(
      builder, op.getLoc(),
      {"reorder", op->getOperands(), op->getResultTypes(), loops});
  Value isFirst = process.isAt(process.index(0), 0);
  Value word = process.read(0, isFirst);
  Value kept = process.memory(words, word.getType());
  Value at = process.addState(
      process.getBuilder().getIntegerAttr(builder.getIntegerType(bits), 0));
  // By the innermost index that is not at its end; those within go back.
  Value step = process.integer(bits, moves.back()), wraps = process.isTrue();
  int64_t back = 0;
  for (size_t dim = moves.size(); dim-- > 0;) {
    if (dim + 1 < moves.size())
      step =
          process.select(wraps, process.integer(bits, moves[dim] - back), step);
    back += (loops[dim + 1] - 1) * moves[dim];
    Value isEnd = process.isAt(process.index(dim + 1), loops[dim + 1] - 1);
    wraps = dim + 1 < moves.size() ? process.both(wraps, isEnd) : isEnd;
  }
  Value next =
      process.select(wraps, process.integer(bits, 0), process.add(at, step));
  process.setNext(at, next);
  Value old = process.load(kept, at);
  process.store(word, kept, process.countUp(words, process.isTrue()).now,
                isFirst);
  process.write(0, old, process.isAt(process.index(0), 1));
  return process.finish();
}
