//===- Divide.cpp - products of streams, and quotients -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"

#include "qnt/Dialect/QNT/IntegerTables.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

ProcessOp fpga::lowerMultiply(MultiplyOp op, OpBuilder &builder) {
  StreamType to = op.getResult().getType();
  ProcessBuilder process(
      builder, op.getLoc(),
      {"multiply", op->getOperands(), op->getResultTypes(), {to.getWords()}});
  Value numbers[2];
  for (size_t side : {0, 1})
    numbers[side] = process.subtractZero(
        process.read(side, process.isTrue()),
        cast<StreamType>(op->getOperand(side).getType()).getElement(),
        op.getZeros()[side]);
  Value product =
      process.multiply(numbers[0], true, numbers[1], true, /*inLuts=*/false);
  process.write(
      0, process.resize(product, to.getElement().getWidth(), /*isSigned=*/true),
      process.isTrue());
  return process.finish();
}

ProcessOp fpga::lowerDivide(DivideOp op, OpBuilder &place) {
  StreamType from = op.getSums().getType(), to = op.getResult().getType();
  int64_t words = op.getHeadSize() / from.getLanes();
  ProcessBuilder process(
      place, op.getLoc(),
      {"divide",
       op->getOperands(),
       op->getResultTypes(),
       {from.getShape().front(), int64_t(op.getHeads()), words}});
  OpBuilder &builder = process.getBuilder();
  Value sums = process.read(0, process.isTrue());
  unsigned bits = op.getDivisors().getType().getElement().getWidth();
  Value held =
      process.addState(builder.getIntegerAttr(builder.getIntegerType(bits), 1));
  Value isFirst = process.isAt(process.index(2), 0);
  Value divisor = process.select(
      isFirst, process.getLane(process.read(1, isFirst), 0), held);
  process.setNext(held, divisor);

  constexpr unsigned indexBits = 9;
  bits = std::max(bits, indexBits + 1);
  auto shifted =
      process.shiftUp(process.resize(divisor, bits, /*isSigned=*/false), 1);
  // The highest bit is set.
  Value index = process.resize(
      arith::ShRUIOp::create(builder, op.getLoc(), shifted.value,
                             process.integer(bits, bits - indexBits - 1)),
      indexBits, /*isSigned=*/false);
  Value r = process.lookUpInBlock(getReciprocalTable(), /*bits=*/15, index);

  Value product =
      process.multiply(sums, true, process.broadcast(r, from.getLanes()), false,
                       /*inLuts=*/false);
  // With l of e + 1 bits, by e + 7 places: 6, e, and one that rounds.
  unsigned countBits = shifted.groups.getType().getIntOrFloatBitWidth();
  Value exponent =
      process.subtract(process.integer(countBits, bits - 1), shifted.groups);
  Value twice = process.shiftRight(
      process.shiftRight(product, process.integer(3, 6)), exponent);
  unsigned resultBits = to.getElement().getWidth();
  twice = process.resize(twice, resultBits + 1, /*isSigned=*/true);
  Value rounded =
      process.shiftRight(process.add(twice, process.splat(twice.getType(), 1)),
                         process.integer(1, 1));
  process.write(0, process.resize(rounded, resultBits, /*isSigned=*/true),
                process.isTrue());
  return process.finish();
}
