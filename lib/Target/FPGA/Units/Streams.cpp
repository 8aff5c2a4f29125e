//===- Streams.cpp - copies of streams, other words -*- C++ -*-===//
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

static SmallVector<int64_t> countFrom(int64_t first, int64_t count) {
  return llvm::to_vector(llvm::seq(first, first + count));
}

/// Words go on as they came.
static ProcessOp copy(const std::string &name, Operation *op, int64_t words,
                      OpBuilder &builder) {
  ProcessBuilder process(
      builder, op->getLoc(),
      {name, op->getOperands(), op->getResultTypes(), {words}});
  Value word = process.read(0, process.isTrue());
  for (size_t number = 0; number < op->getNumResults(); ++number)
    process.write(number, word, process.isTrue());
  return process.finish();
}

ProcessOp fpga::lowerFork(ForkOp op, OpBuilder &builder) {
  return copy("fork", op, op.getInput().getType().getWords(), builder);
}

/// Lanes of a word one part after the other: the part that is next moves to the
/// lowest lanes.
static ProcessOp narrow(WidthOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  int64_t lanes = from.getLanes(), part = to.getLanes();
  VectorType word = getWordVector(from);
  ProcessBuilder process(builder, op.getLoc(),
                         {"narrow",
                          op->getOperands(),
                          op->getResultTypes(),
                          {from.getWords(), lanes / part}});
  Value rest = process.addState(builder.getZeroAttr(word));
  Value isNew = process.isAt(process.index(1), 0);
  Value now = process.select(isNew, process.read(0, isNew), rest);
  process.write(0, process.shuffle(now, now, countFrom(0, part)),
                process.isTrue());
  process.setNext(rest, process.shuffle(now, now, countFrom(part, lanes)));
  return process.finish();
}

/// Parts enter at the highest lanes and move down.
static ProcessOp widen(WidthOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  int64_t part = from.getLanes(), lanes = to.getLanes();
  VectorType word = getWordVector(to);
  ProcessBuilder process(builder, op.getLoc(),
                         {"widen",
                          op->getOperands(),
                          op->getResultTypes(),
                          {to.getWords(), lanes / part}});
  Value before = process.addState(builder.getZeroAttr(word));
  Value entering = process.read(0, process.isTrue());
  Value now = process.shuffle(before, entering, countFrom(part, lanes));
  process.write(0, now, process.isAt(process.index(1), lanes / part - 1));
  process.setNext(before, now);
  return process.finish();
}

ProcessOp fpga::lowerWidth(WidthOp op, OpBuilder &builder) {
  int64_t from = op.getInput().getType().getLanes();
  int64_t to = op.getResult().getType().getLanes();
  if (to == from)
    return copy("reshape", op, op.getInput().getType().getWords(), builder);
  return to < from ? narrow(op, builder) : widen(op, builder);
}
