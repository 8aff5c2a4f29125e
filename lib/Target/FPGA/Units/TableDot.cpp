//===- TableDot.cpp - dot products by tables of sums -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
#include "TableCodes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// Writes the body: of loops [words + 1, rounds], iteration (n, j) fills entry
/// j of the tables of word n, and reads for part j of the rows those of word
/// n - 1.
class TableDotBuilder {
public:
  TableDotBuilder(DotOp op, OpBuilder &builder)
      : op(op), from(op.getInput().getType()), to(op.getResult().getType()),
        simd(from.getLanes()), pe(to.getLanes()),
        folds(to.getShape().back() / pe), steps(from.getShape().back() / simd),
        rounds(std::max(folds, DotOp::tableEntries)),
        tables(DotOp::countTables(simd)), sumBits(to.getElement().getWidth()),
        process(builder, op.getLoc(),
                {"table_dot",
                 op->getOperands(),
                 op->getResultTypes(),
                 {from.getWords() + 1, rounds}}) {}
  ProcessOp run();

private:
  Value readCodes();
  Value makeEntries();
  SmallVector<Value> lookUpTerms(Value entries, Value isBusy);
  Value addSigned(Value a, Value b, Value isSubtracted, unsigned bits);
  Value makeSum(SmallVector<Value> terms);
  Value accumulate(Value sum, Value isBusy);
  Value getSign(int64_t table);
  Value at(int64_t loop, int64_t number) {
    return process.isAt(process.index(size_t(loop)), number);
  }

  DotOp op;
  const StreamType from, to;
  const int64_t simd, pe, folds, steps, rounds, tables;
  const unsigned sumBits;
  ProcessBuilder process;
  /// Of the word whose tables are read, of those of its vector.
  Value step;
  /// [tables, pe], of a code each.
  Value words;
};
} // namespace

/// A word stays for as long as its tables are filled.
Value TableDotBuilder::readCodes() {
  Value block = process.index(0);
  Value isThere =
      process.compare(arith::CmpIPredicate::ult, block,
                      process.integer(block.getType().getIntOrFloatBitWidth(),
                                      from.getWords()));
  Value isNew = process.both(at(1, 0), isThere);
  Value fresh = process.read(0, isNew);
  Value kept = process.addState(
      cast<TypedAttr>(process.getBuilder().getZeroAttr(fresh.getType())));
  Value codes = process.select(isNew, fresh, kept);
  process.setNext(kept, codes);
  return codes;
}

/// [tables]: of each the next entry, the one before and an input more or less.
Value TableDotBuilder::makeEntries() {
  unsigned bits = getTableBits(from.getElement());
  Value codes = process.resize(readCodes(), bits, from.getElement().isSigned());
  Value none = process.splat(codes.getType(), 0);
  // By the low bits of an iteration's number; behind the last entry, whatever.
  constexpr unsigned numberBits = DotOp::tableCodeBits - 1;
  SmallVector<int64_t> inputs(1 << numberBits, 0), signs(1 << numberBits, 0);
  for (auto [j, taken] : llvm::enumerate(walkTable())) {
    inputs[j] = taken.input;
    signs[j] = taken.isLess;
  }
  Value number = process.resize(process.index(1), numberBits, false);
  auto lookUp = [&](ArrayRef<int64_t> list, unsigned width) {
    return process.getLane(
        process.lookUp(
            makeTensor(op.getContext(), {int64_t(list.size()), 1}, width, list),
            number),
        0);
  };
  Value which = lookUp(inputs, 2), isLess = lookUp(signs, 1);
  // Input i of all tables, 0 where the last one has none.
  SmallVector<Value> columns;
  for (int64_t i = 0; i < DotOp::tableInputs; ++i) {
    SmallVector<int64_t> lanes;
    for (int64_t t = 0; t < tables; ++t) {
      int64_t lane = t * DotOp::tableInputs + i;
      lanes.push_back(lane < simd ? lane : simd);
    }
    columns.push_back(process.shuffle(codes, none, lanes));
  }
  Value input = process.select(
      process.isAt(which, 0), columns[0],
      process.select(process.isAt(which, 1), columns[1], columns[2]));
  Value state = process.addState(
      cast<TypedAttr>(process.getBuilder().getZeroAttr(input.getType())));
  Value entry =
      addSigned(state, input, process.broadcast(isLess, tables), bits);
  entry = process.select(at(1, 0), process.splat(input.getType(), 0), entry);
  process.setNext(state, entry);
  return entry;
}

/// a + b or a - b, in one adder: what is subtracted has its bits the other way
/// round, and a bit below both carries 1.
Value TableDotBuilder::addSigned(Value a, Value b, Value isSubtracted,
                                 unsigned bits) {
  a = process.resize(a, bits, /*isSigned=*/true);
  b = process.resize(b, bits, /*isSigned=*/true);
  Value all = process.resize(isSubtracted, bits, /*isSigned=*/true);
  b = arith::XOrIOp::create(process.getBuilder(), op.getLoc(), b, all);
  auto withCarry = [&](Value value) {
    Value wide = process.resize(value, bits + 1, /*isSigned=*/true);
    return process.join(
        process.shiftLeft(wide, 1),
        process.resize(isSubtracted, bits + 1, /*isSigned=*/false));
  };
  Value sum = process.add(withCarry(a), withCarry(b));
  return process.resize(process.shiftRight(sum, 1, /*isSigned=*/false), bits,
                        /*isSigned=*/false);
}

/// Of each table [pe] entries, as the rows' codes name them; they are filled in
/// one half of a memory while the other one is read.
SmallVector<Value> TableDotBuilder::lookUpTerms(Value entries, Value isBusy) {
  OpBuilder &builder = process.getBuilder();
  constexpr unsigned entryBits = DotOp::tableCodeBits - 1;
  constexpr unsigned addressBits = DotOp::tableCodeBits;
  // Of the block's number, in which half its word's tables are.
  Value half = process.resize(process.index(0), 1, /*isSigned=*/false);
  Value other =
      arith::XOrIOp::create(builder, op.getLoc(), half, process.integer(1, 1));
  auto place = [&](Value inHalf, Value entry) {
    return process.join(
        process.shiftLeft(process.resize(inHalf, addressBits, false),
                          entryBits),
        process.resize(process.resize(entry, entryBits, false), addressBits,
                       false));
  };
  SmallVector<int64_t> numbers =
      encodeTables(cast<DenseIntElementsAttr>(op.getWeights()), pe, simd);
  words =
      process.lookUp(makeTensor(op.getContext(), {folds * steps, tables, pe},
                                DotOp::tableCodeBits, numbers),
                     process.countUp(folds * steps, isBusy).now);
  Value fills = process.compare(
      arith::CmpIPredicate::ult, process.index(1),
      process.integer(process.index(1).getType().getIntOrFloatBitWidth(),
                      DotOp::tableEntries));
  if (rounds == DotOp::tableEntries)
    fills = process.isTrue();
  SmallVector<Value> terms;
  for (int64_t t = 0; t < tables; ++t) {
    Value entry = process.getLane(entries, t);
    Value table = process.memory(int64_t(2) << entryBits, entry.getType());
    Value codes = process.getLane(words, t);
    SmallVector<Value> lanes;
    for (int64_t row = 0; row < pe; ++row)
      lanes.push_back(
          process.load(table, place(other, process.getLane(codes, row))));
    process.store(entry, table, place(half, process.index(1)), fills);
    terms.push_back(vector::FromElementsOp::create(
        builder, op.getLoc(), VectorType::get(pe, entry.getType()), lanes));
  }
  return terms;
}

/// Of each row, whether a table's term is subtracted from those before.
Value TableDotBuilder::getSign(int64_t table) {
  Value codes = process.getLane(words, table);
  return process.resize(process.shiftRight(codes, DotOp::tableCodeBits - 1,
                                           /*isSigned=*/false),
                        1, /*isSigned=*/false);
}

/// Terms by pairs, pairs by fours; what is right in a pair has a sign beside
/// what is left, of which the first term's is all that is open in the end.
Value TableDotBuilder::makeSum(SmallVector<Value> terms) {
  unsigned bits = getTableBits(from.getElement());
  for (int64_t apart = 1; apart < tables; apart *= 2) {
    ++bits;
    for (int64_t t = 0; t + apart < tables; t += 2 * apart)
      terms[size_t(t)] = addSigned(terms[size_t(t)], terms[size_t(t + apart)],
                                   getSign(t + apart), std::min(bits, sumBits));
  }
  return terms.front();
}

/// What rows have of their vector, kept until its next word.
Value TableDotBuilder::accumulate(Value sum, Value isBusy) {
  auto type = VectorType::get(pe, process.getBuilder().getIntegerType(sumBits));
  Value before = process.splat(type, 0);
  if (op.getBias()) {
    SmallVector<int64_t> numbers = getNumbers(*op.getBias());
    numbers.resize(size_t(rounds * pe), 0);
    before = process.lookUp(
        makeTensor(op.getContext(), {rounds, pe}, sumBits, numbers),
        process.index(1));
  }
  if (steps == 1)
    return addSigned(before, sum, getSign(0), sumBits);
  Value kept = process.memoryApart(rounds, type, rounds);
  before = process.select(process.isAt(step, 0), before,
                          process.load(kept, process.index(1)));
  sum = addSigned(before, sum, getSign(0), sumBits);
  process.store(sum, kept, process.index(1), isBusy);
  return sum;
}

ProcessOp TableDotBuilder::run() {
  Value block = process.index(0), part = process.index(1);
  auto number = [&](Value like, int64_t value) {
    return process.integer(like.getType().getIntOrFloatBitWidth(), value);
  };
  Value isFilled =
      process.compare(arith::CmpIPredicate::ne, block, number(block, 0));
  Value isBusy = isFilled;
  if (folds < rounds)
    isBusy = process.both(isFilled, process.compare(arith::CmpIPredicate::ult,
                                                    part, number(part, folds)));
  step = process.countUp(steps, process.both(isFilled, at(1, rounds - 1))).now;
  Value entries = makeEntries();
  Value sum = makeSum(lookUpTerms(entries, isBusy));
  sum = accumulate(sum, isBusy);
  process.write(0, sum, process.both(isBusy, process.isAt(step, steps - 1)));
  return process.finish();
}

ProcessOp fpga::lowerTableDot(DotOp op, OpBuilder &builder) {
  return TableDotBuilder(op, builder).run();
}
