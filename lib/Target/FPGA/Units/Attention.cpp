//===- Attention.cpp - scores, and values by their weights -*- C++ -*-===//
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

ProcessOp fpga::lowerScores(ScoresOp op, OpBuilder &place) {
  StreamType q = op.getQueries().getType(), k = op.getKeys().getType(),
             to = op.getResult().getType();
  int64_t tokens = op.getTokens(), heads = op.getHeads(),
          groups = op.getKvHeads(), steps = op.getHeadSize() / q.getLanes();
  ProcessBuilder process(place, op.getLoc(),
                         {"scores",
                          op->getOperands(),
                          op->getResultTypes(),
                          {tokens, heads, tokens, steps}});
  Value t = process.index(0), j = process.index(2), step = process.index(3);
  Value query = process.readOrKeep(0, process.isAt(j, 0), steps, step);
  auto memory = process.countGroups(groups, heads / groups, tokens * steps,
                                    process.isTrue());
  Value isNew = process.both(process.compare(arith::CmpIPredicate::eq, t, j),
                             memory.isFirst);
  Value key =
      process.readOrKeep(1, isNew, groups * tokens * steps, memory.address);

  unsigned bits = to.getElement().getWidth();
  Value products =
      process.multiply(query, q.getElement().isSigned(), key,
                       k.getElement().isSigned(), /*inLuts=*/false);
  Value sum = process.sumLanes(products, bits);
  if (steps > 1) {
    Value before =
        process.addState(place.getIntegerAttr(place.getIntegerType(bits), 0));
    sum = process.add(
        process.select(process.isAt(step, 0), process.integer(bits, 0), before),
        sum);
    process.setNext(before, sum);
  }
  Value isBehind = process.compare(arith::CmpIPredicate::ugt, j, t);
  Value least = process.integer(bits, llvm::minIntN(bits));
  process.write(0, process.broadcast(process.select(isBehind, least, sum), 1),
                process.isAt(step, steps - 1));
  return process.finish();
}

ProcessOp fpga::lowerMix(MixOp op, OpBuilder &place) {
  StreamType v = op.getValues().getType(), to = op.getResult().getType();
  int64_t tokens = op.getTokens(), heads = op.getHeads(),
          groups = op.getKvHeads(), words = op.getHeadSize() / to.getLanes();
  ProcessBuilder process(place, op.getLoc(),
                         {"mix",
                          op->getOperands(),
                          op->getResultTypes(),
                          {tokens, heads, words, tokens}});
  Value t = process.index(0), word = process.index(2), j = process.index(3);
  Value weight = process.readOrKeep(0, process.isAt(word, 0), tokens, j);
  auto memory = process.countGroups(groups, heads / groups, words * tokens,
                                    process.isTrue());
  Value isNew = process.both(process.compare(arith::CmpIPredicate::eq, t, j),
                             memory.isFirst);
  Value value =
      process.readOrKeep(1, isNew, groups * words * tokens, memory.address);

  Value isBehind = process.compare(arith::CmpIPredicate::ugt, j, t);
  weight = process.select(isBehind, process.splat(weight.getType(), 0), weight);
  unsigned bits = to.getElement().getWidth();
  Value sum = process.resize(
      process.multiply(process.broadcast(weight, to.getLanes()), false, value,
                       v.getElement().isSigned(), /*inLuts=*/false),
      bits, /*isSigned=*/true);
  Value before = process.addState(place.getZeroAttr(sum.getType()));
  sum = process.add(process.select(process.isAt(j, 0),
                                   process.splat(sum.getType(), 0), before),
                    sum);
  process.setNext(before, sum);
  process.write(0, sum, process.isAt(j, tokens - 1));
  return process.finish();
}
