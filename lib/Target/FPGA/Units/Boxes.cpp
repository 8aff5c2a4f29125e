//===- Boxes.cpp - slices, frames within and beside others -*- C++ -*-===//
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

/// The dimensions of a frame, the last one in words.
static SmallVector<int64_t> getLoops(StreamType stream) {
  SmallVector<int64_t> loops(stream.getShape());
  loops.back() /= stream.getLanes();
  return loops;
}

/// Whether an index that counts to `count` is in [first, last].
static Value isWithin(ProcessBuilder &process, Value index, int64_t count,
                      int64_t first, int64_t last) {
  unsigned bits = index.getType().getIntOrFloatBitWidth();
  Value within = process.isTrue();
  if (first > 0)
    within = process.compare(arith::CmpIPredicate::uge, index,
                             process.integer(bits, first));
  if (last < count - 1)
    within =
        process.both(within, process.compare(arith::CmpIPredicate::ule, index,
                                             process.integer(bits, last)));
  return within;
}

/// Whether the index of `axis` is `offset`, or a multiple of `stride` away.
static Value isOnStride(ProcessBuilder &process, ArrayRef<int64_t> loops,
                        size_t axis, int64_t offset, int64_t stride) {
  unsigned bits = ProcessOp::getIndexBits(stride);
  int64_t first = (stride - offset % stride) % stride;
  Value phase = process.addState(process.getBuilder().getIntegerAttr(
      process.getBuilder().getIntegerType(bits), first));
  Value moves = process.isTrue();
  for (size_t inner = axis + 1; inner < loops.size(); ++inner)
    moves = process.both(moves,
                         process.isAt(process.index(inner), loops[inner] - 1));
  Value next =
      process.select(process.isAt(phase, stride - 1), process.integer(bits, 0),
                     process.add(phase, process.integer(bits, 1)));
  next = process.select(process.isAt(process.index(axis), loops[axis] - 1),
                        process.integer(bits, first), next);
  process.setNext(phase, process.select(moves, next, phase));
  return process.isAt(phase, 0);
}

ProcessOp fpga::lowerSlice(SliceOp op, OpBuilder &builder) {
  StreamType to = op.getResult().getType();
  SmallVector<int64_t> loops = getLoops(op.getInput().getType());
  SmallVector<int64_t> sizes = getLoops(to), offsets(op.getOffsets());
  offsets.back() /= to.getLanes();
  ProcessBuilder process(
      builder, op.getLoc(),
      {"slice", op->getOperands(), op->getResultTypes(), loops});
  Value word = process.read(0, process.isTrue());
  Value taken = process.isTrue();
  for (size_t axis = 0; axis < loops.size(); ++axis) {
    int64_t stride = op.getStrides()[axis], first = offsets[axis];
    taken = process.both(taken,
                         isWithin(process, process.index(axis), loops[axis],
                                  first, first + (sizes[axis] - 1) * stride));
    if (stride > 1)
      taken =
          process.both(taken, isOnStride(process, loops, axis, first, stride));
  }
  process.write(0, word, taken);
  return process.finish();
}

/// A frame begins when its first word is there, which waits for its place then,
/// as the others do: nothing is written of frames that never come.
static Value readAhead(ProcessBuilder &process, Value inside, Value isLast) {
  Value isFirst = process.isTrue();
  for (Value index : process.getIndices())
    isFirst = process.both(isFirst, process.isAt(index, 0));
  Value next = process.select(isLast, process.integer(1, 0), inside);
  Value reads = process.select(isFirst, process.isTrue(), next);
  Value word = process.read(0, reads);
  Value held = process.addState(
      process.getBuilder().getZeroAttr(cast<VectorType>(word.getType())));
  process.setNext(held, process.select(reads, word, held));
  return held;
}

ProcessOp fpga::lowerPad(PadOp op, OpBuilder &builder) {
  StreamType to = op.getResult().getType();
  SmallVector<int64_t> loops = getLoops(to);
  SmallVector<int64_t> sizes = getLoops(op.getInput().getType());
  SmallVector<int64_t> low(op.getLow());
  low.back() /= to.getLanes();
  ProcessBuilder process(
      builder, op.getLoc(),
      {"pad", op->getOperands(), op->getResultTypes(), loops});
  Value inside = process.isTrue(), isLast = process.isTrue();
  for (size_t axis = 0; axis < loops.size(); ++axis) {
    Value index = process.index(axis);
    int64_t last = low[axis] + sizes[axis] - 1;
    inside = process.both(
        inside, isWithin(process, index, loops[axis], low[axis], last));
    isLast = process.both(isLast, process.isAt(index, last));
  }
  bool isAtOnce = llvm::all_of(low, [](int64_t n) { return n == 0; });
  Value word =
      isAtOnce ? process.read(0, inside) : readAhead(process, inside, isLast);
  Value outside = process.splat(getWordVector(to), int64_t(op.getOutside()));
  process.write(0, process.select(inside, word, outside), process.isTrue());
  return process.finish();
}

ProcessOp fpga::lowerConcat(ConcatOp op, OpBuilder &builder) {
  StreamType to = op.getResult().getType();
  int64_t words = to.getShape().back() / to.getLanes();
  ProcessBuilder process(builder, op.getLoc(),
                         {"concat",
                          op->getOperands(),
                          op->getResultTypes(),
                          {to.getWords() / words, words}});
  Value at = process.index(1), word;
  int64_t first = 0;
  for (auto [number, input] : llvm::enumerate(op.getInputs())) {
    auto from = cast<StreamType>(input.getType());
    int64_t last = first + from.getShape().back() / from.getLanes() - 1;
    Value isNext = isWithin(process, at, words, first, last);
    Value read = process.read(number, isNext);
    word = word ? process.select(isNext, read, word) : read;
    first = last + 1;
  }
  process.write(0, word, process.isTrue());
  return process.finish();
}
