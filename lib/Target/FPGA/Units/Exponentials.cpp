//===- Exponentials.cpp - powers of two of scores -*- C++ -*-===//
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

static Value findLargest(ProcessBuilder &process, Location loc, Value word) {
  SmallVector<Value> values;
  for (int64_t lane = 0;
       lane < cast<VectorType>(word.getType()).getNumElements(); ++lane)
    values.push_back(process.getLane(word, lane));
  for (; values.size() > 1; values.resize((values.size() + 1) / 2))
    for (size_t i = 0; 2 * i < values.size(); ++i)
      values[i] =
          2 * i + 1 == values.size()
              ? values[2 * i]
              : arith::MaxSIOp::create(process.getBuilder(), loc, values[2 * i],
                                       values[2 * i + 1]);
  return values.front();
}

/// The largest score of a row, while the next one is read.
static Value findRowsLargest(ExponentialsOp op, ProcessBuilder &process,
                             const Rows &rows, Value word) {
  OpBuilder &builder = process.getBuilder();
  unsigned bits = op.getScores().getType().getElement().getWidth();
  auto least =
      builder.getIntegerAttr(builder.getIntegerType(bits), llvm::minIntN(bits));
  Value largest = process.addState(least);
  Value before = process.select(rows.isFirst, process.constant(least), largest);
  Value after = arith::MaxSIOp::create(builder, op.getLoc(), before,
                                       findLargest(process, op.getLoc(), word));
  process.setNext(largest, after);
  return rows.hold(process, after, least);
}

/// Where in the table the powers of scores are.
static Value findEntries(ExponentialsOp op, ProcessBuilder &process,
                         Value largest, Value scores) {
  OpBuilder &builder = process.getBuilder();
  constexpr unsigned indexBits = 9;
  unsigned shift = op.getShift();
  int64_t multiplier = op.getMultiplier();
  int64_t lanes = cast<VectorType>(scores.getType()).getNumElements();
  Value below = process.subtract(process.broadcast(largest, lanes), scores);
  Value factor = process.splat(
      VectorType::get(lanes,
                      builder.getIntegerType(llvm::Log2_64(multiplier) + 1)),
      multiplier);
  Value product =
      process.multiply(below, false, factor, false, /*inLuts=*/false);
  unsigned bits =
      std::max({getElementTypeOrSelf(product.getType()).getIntOrFloatBitWidth(),
                shift + 1, indexBits + 1});
  product = process.resize(product, bits, /*isSigned=*/false);
  Value sum = process.add(
      product, process.splat(product.getType(), int64_t(1) << (shift - 1)));
  Value z = arith::ShRUIOp::create(builder, op.getLoc(), sum,
                                   process.splat(sum.getType(), shift));
  z = process.resize(z, std::max(bits - shift, indexBits + 1),
                     /*isSigned=*/false);
  z = arith::MinUIOp::create(builder, op.getLoc(), z,
                             process.splat(z.getType(), 511));
  return process.resize(z, indexBits, /*isSigned=*/false);
}

ProcessOp fpga::lowerExponentials(ExponentialsOp op, OpBuilder &place) {
  StreamType from = op.getScores().getType();
  ArrayRef<int64_t> shape = from.getShape();
  int64_t lanes = from.getLanes(), words = shape.back() / lanes;
  int64_t loops[] = {shape[0] * shape[1] + 1, words};
  ProcessBuilder process(
      place, op.getLoc(),
      {"exponentials", op->getOperands(), op->getResultTypes(), loops});
  OpBuilder &builder = process.getBuilder();
  Rows rows(process, loops);
  RowWords row(process, rows, words);
  Value entries = findEntries(
      op, process, findRowsLargest(op, process, rows, row.fresh), row.before);

  // Each lane has a table of its own: memories have few ports.
  SmallVector<int64_t> table = getExponentialTable();
  DenseIntElementsAttr contents =
      makeTensor(op.getContext(), int64_t(table.size()), 8, table);
  SmallVector<Value> powers;
  for (int64_t lane = 0; lane < lanes; ++lane)
    powers.push_back(
        process.load(process.memory(int64_t(table.size()),
                                    contents.getElementType(), contents),
                     process.getLane(entries, lane)));
  Value word = vector::FromElementsOp::create(
      builder, op.getLoc(), getWordVector(op.getPowers().getType()), powers);
  Value isUnseen = process.compare(
      arith::CmpIPredicate::eq, row.before,
      process.splat(row.before.getType(),
                    llvm::minIntN(from.getElement().getWidth())));
  word = process.select(isUnseen, process.splat(word.getType(), 0), word);
  process.write(0, word, rows.gives);

  unsigned bits = op.getSums().getType().getElement().getWidth();
  Value more =
      process.resize(process.sumLanes(process.resize(word, 9, false), bits + 1),
                     bits, /*isSigned=*/false);
  Value sum =
      process.addState(builder.getIntegerAttr(builder.getIntegerType(bits), 0));
  Value after = process.add(
      process.select(rows.isFirst, process.integer(bits, 0), sum), more);
  process.setNext(sum, after);
  process.write(1, process.broadcast(after, 1),
                process.both(rows.gives, rows.isLast));
  return process.finish();
}
