//===- Normalize.cpp - rows over the root of their squares -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
#include "Rows.h"

#include "qnt/Dialect/QNT/IntegerTables.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// Of what the table has the index of: m.
static constexpr unsigned indexBits = 10;

/// The sum of a row's squares and the stabilizer, at least 4, while the next
/// row is read.
static Value sumSquares(NormalizeOp op, ProcessBuilder &process,
                        const Rows &rows, Value codes) {
  OpBuilder &builder = process.getBuilder();
  int64_t stabilizer = op.getStabilizer();
  unsigned bits = llvm::Log2_64(uint64_t(*op.getLargestSum())) + 1;
  Value x = process.subtractZero(codes, op.getInput().getType().getElement(),
                                 op.getZero());
  Value squares = process.multiply(x, true, x, true, /*inLuts=*/false);
  Value more = process.resize(process.sumLanes(squares, bits + 1), bits,
                              /*isSigned=*/true);
  auto type = builder.getIntegerType(bits);
  Value sum = process.addState(builder.getIntegerAttr(type, 0));
  Value before =
      process.select(rows.isFirst, process.integer(bits, stabilizer), sum);
  Value after = process.add(before, more);
  process.setNext(sum, after);
  Value all =
      rows.hold(process, after,
                builder.getIntegerAttr(type, std::max<int64_t>(stabilizer, 4)));
  if (stabilizer >= 4)
    return all;
  return arith::MaxUIOp::create(builder, op.getLoc(), all,
                                process.integer(bits, 4));
}

ProcessOp fpga::lowerNormalize(NormalizeOp op, OpBuilder &place) {
  StreamType from = op.getInput().getType();
  int64_t words = from.getShape().back() / from.getLanes();
  int64_t loops[] = {op.getRows() + 1, words};
  ProcessBuilder process(
      place, op.getLoc(),
      {"normalize", op->getOperands(), op->getResultTypes(), loops});
  OpBuilder &builder = process.getBuilder();
  Rows rows(process, loops);
  RowWords row(process, rows, words);
  Value sum = sumSquares(op, process, rows, row.fresh);

  // Up by pairs of bits, so that the root moves by whole ones.
  unsigned bits = sum.getType().getIntOrFloatBitWidth();
  bits = std::max(indexBits, bits + bits % 2);
  auto shifted =
      process.shiftUp(process.resize(sum, bits, /*isSigned=*/false), 2);
  Value m = process.resize(
      arith::ShRUIOp::create(builder, op.getLoc(), shifted.value,
                             process.integer(bits, bits - indexBits)),
      indexBits, /*isSigned=*/false);
  // Twice r, so that a shift by one place more is left, which rounds.
  SmallVector<int64_t> roots = getInverseRootTable();
  for (int64_t &root : roots)
    root *= 2;
  Value r = process.lookUpInBlock(
      roots, /*bits=*/16, process.add(m, process.integer(indexBits, -256)));

  Value x = process.subtractZero(row.before, from.getElement(), op.getZero());
  Value product =
      process.multiply(x, true, process.broadcast(r, from.getLanes()), false,
                       /*inLuts=*/false);
  unsigned countBits = shifted.groups.getType().getIntOrFloatBitWidth();
  Value places = process.subtract(process.integer(countBits, bits / 2 - 2),
                                  shifted.groups);
  unsigned resultBits = op.getResult().getType().getElement().getWidth();
  Value twice = process.resize(process.shiftRight(product, places),
                               resultBits + 1, /*isSigned=*/true);
  Value rounded =
      process.shiftRight(process.add(twice, process.splat(twice.getType(), 1)),
                         process.integer(1, 1));
  process.write(0, process.resize(rounded, resultBits, /*isSigned=*/true),
                rows.gives);
  return process.finish();
}
