//===- Pool.cpp - one number of a window, tables -*- C++ -*-===//
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

ProcessOp fpga::lowerPool(PoolOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  int64_t taps = op.getTaps();
  bool isSigned = from.getElement().isSigned();
  VectorType type = getWordVector(to);
  ProcessBuilder process(builder, op.getLoc(),
                         {op.getKind() == PoolKind::Max ? "max" : "sum",
                          op->getOperands(),
                          op->getResultTypes(),
                          {to.getWords(), taps}});
  Value before = process.addState(builder.getZeroAttr(type));
  Value number = process.resize(process.read(0, process.isTrue()),
                                type.getElementTypeBitWidth(), isSigned);
  Value isFirst = process.isAt(process.index(1), 0);
  Value after;
  if (op.getKind() == PoolKind::Max) {
    auto isAbove =
        isSigned ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::ugt;
    Value largest = process.select(process.compare(isAbove, number, before),
                                   number, before);
    after = process.select(isFirst, number, largest);
  } else {
    after = process.add(process.select(isFirst, process.splat(type, 0), before),
                        number);
  }
  process.write(0, after, process.isAt(process.index(1), taps - 1));
  process.setNext(before, after);
  return process.finish();
}

ProcessOp fpga::lowerLookup(LookupOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType();
  ProcessBuilder process(
      builder, op.getLoc(),
      {"lookup", op->getOperands(), op->getResultTypes(), {from.getWords()}});
  OpBuilder &body = process.getBuilder();
  Value codes = process.read(0, process.isTrue());
  DenseIntElementsAttr table = op.getTable();
  // Each lane has a table of its own: memories have few ports.
  SmallVector<Value> entries;
  for (int64_t lane = 0; lane < from.getLanes(); ++lane)
    entries.push_back(process.load(
        process.memory(table.getNumElements(), table.getElementType(), table),
        vector::ExtractOp::create(body, op.getLoc(), codes, lane)));
  Value word = vector::FromElementsOp::create(
      body, op.getLoc(), getWordVector(op.getResult().getType()), entries);
  process.write(0, word, process.isTrue());
  return process.finish();
}
