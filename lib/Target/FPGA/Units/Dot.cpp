//===- Dot.cpp - products of vectors with a matrix -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
#include "ConstantMatrix.h"
#include "Minifloats.h"
#include "SharedRows.h"
#include "Sums.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// How weights are taken: `pe` rows and `simd` inputs at once.
struct Folding {
  explicit Folding(DotOp op)
      : rows(op.getResult().getType().getShape().back()),
        inputs(op.getInput().getType().getShape().back()),
        pe(op.getResult().getType().getLanes()),
        simd(op.getInput().getType().getLanes()), folds(rows / pe),
        steps(inputs / simd) {}
  int64_t rows, inputs, pe, simd, folds, steps;
};

/// Writes the body.
class DotBuilder {
public:
  DotBuilder(DotOp op, OpBuilder &builder);
  ProcessOp run();

private:
  SmallVector<int64_t> getLoops();
  ProcessOp runPairs();
  Value readCodes();
  Value keep(Value fresh, Value step, Value isNew);
  /// What `list` gives of the weights that are multiplied in an iteration,
  /// [simd, factors].
  Value lookUpWeights(ArrayRef<int64_t> list, unsigned bits, int64_t factors);
  Value getBias(Value fold);
  Value makeSums(Value codes);
  SharedRows getSharing();
  SharedRowsCodec makeCodec();
  /// [pe] of each vector that codes are of.
  SmallVector<Value> makeSharedSums(const SharedRowsCodec &codec, Value codes);

  DotOp op;
  const Folding folding;
  const bool isSigned;
  /// In the order of words.
  const SmallVector<int64_t> weights;
  const unsigned sumBits;
  ProcessBuilder process;
  /// Whether an iteration multiplies.
  Value isMultiplying;
};
} // namespace

SmallVector<int64_t> fpga::tileWeights(DenseIntElementsAttr weights,
                                       int64_t rows, int64_t lanes) {
  int64_t count = weights.getType().getDimSize(0);
  int64_t inputs = weights.getType().getDimSize(1);
  SmallVector<int64_t> numbers = getNumbers(weights), words;
  words.reserve(numbers.size());
  for (int64_t row = 0; row < count; row += rows)
    for (int64_t first = 0; first < inputs; first += lanes)
      for (int64_t i = first; i < first + lanes; ++i)
        for (int64_t r = row; r < row + rows; ++r)
          words.push_back(numbers[r * inputs + i]);
  return words;
}

DotBuilder::DotBuilder(DotOp op, OpBuilder &builder)
    : op(op), folding(op),
      isSigned(op.getInput().getType().getElement().isSigned()),
      weights(tileWeights(op.getWeights(), folding.pe, folding.simd)),
      sumBits(op.getResult().getType().getElement().getWidth()),
      process(builder, op.getLoc(),
              {op.getVectors() ? "pair_dot" : "dot", op->getOperands(),
               op->getResultTypes(), getLoops()}),
      isMultiplying(process.isTrue()) {}

SmallVector<int64_t> DotBuilder::getLoops() {
  int64_t vectors = op.getInput().getType().getElements() / folding.inputs;
  if (op.getVectors())
    return {vectors / 2 * folding.folds + 2, folding.steps};
  return {vectors, folding.folds, folding.steps};
}

/// The first rows read a vector's words, the others have them from a memory.
Value DotBuilder::readCodes() {
  Value step = process.index(2);
  if (folding.folds == 1)
    return process.read(0, process.isTrue());
  Value isNew = process.isAt(process.index(1), 0);
  return process.readOrKeep(0, isNew, folding.steps, step);
}

/// The words of a vector, of each what was kept before.
Value DotBuilder::keep(Value fresh, Value step, Value isNew) {
  Value kept = process.memory(folding.steps, fresh.getType());
  Value old = process.load(kept, step);
  process.store(fresh, kept, step, isNew);
  return old;
}

Value DotBuilder::lookUpWeights(ArrayRef<int64_t> list, unsigned bits,
                                int64_t factors) {
  DenseIntElementsAttr contents = makeTensor(
      op.getContext(), {folding.folds * folding.steps, folding.simd, factors},
      bits, list);
  Value at =
      process.countUp(contents.getType().getShape().front(), isMultiplying).now;
  return process.lookUp(contents, at);
}

/// Null where there is none.
Value DotBuilder::getBias(Value fold) {
  if (!op.getBias())
    return {};
  return process.lookUp(makeTensor(op.getContext(), {folding.folds, folding.pe},
                                   sumBits, getNumbers(*op.getBias())),
                        fold);
}

/// [pe], of this iteration.
Value DotBuilder::makeSums(Value codes) {
  // Word fold * steps + step has weight [fold * pe + r, step * simd + i] in
  // lane (i, r).
  if (folding.folds * folding.steps == 1)
    return ConstantMatrix(weights, op.getInput().getType().getElement(),
                          folding.rows)
        .multiply(process, codes, sumBits);
  unsigned bits = getSignedBits(weights);
  auto format = op.getFormat();
  if (!format) {
    Value factors = lookUpWeights(weights, bits, folding.pe);
    return process.sumRows(
        multiplyRows(process, codes, isSigned, factors, op.getInLuts()),
        sumBits);
  }
  SmallVector<int64_t> stored;
  for (int64_t weight : weights)
    stored.push_back(int64_t(*format->encode(weight)));
  Value factors = lookUpWeights(stored, format->getBits(), folding.pe);
  return process.sumRows(multiplyMinifloats(process, codes, isSigned, factors,
                                            *format, bits, op.getInLuts()),
                         sumBits);
}

SharedRows DotBuilder::getSharing() {
  return *DotOp::getSharedRows(cast<DenseIntElementsAttr>(op.getWeights()),
                               op.getInput().getType().getElement(), folding.pe,
                               folding.simd, op.getShared().value_or(1),
                               op.getVectors().value_or(1));
}

SharedRowsCodec DotBuilder::makeCodec() {
  auto shared = int64_t(op.getShared().value_or(1));
  int64_t factors = folding.pe / shared;
  // Row j * factors + q of an input is row j of factor q.
  SmallVector<SmallVector<int64_t>> rows(static_cast<size_t>(shared));
  for (auto [at, weight] : llvm::enumerate(weights))
    rows[at / size_t(factors) % size_t(shared)].push_back(weight);
  return {getSharing(), shared, rows};
}

SmallVector<Value> DotBuilder::makeSharedSums(const SharedRowsCodec &codec,
                                              Value codes) {
  auto shared = int64_t(op.getShared().value_or(1));
  int64_t factors = folding.pe / shared, together = getSharing().inputs;
  Value stored = lookUpWeights(codec.store(), codec.getStoredBits(), factors);
  Value products =
      multiplyRows(process, codes, isSigned, codec.makeFactors(process, stored),
                   /*inLuts=*/false);
  // Input k * groups + g is summed in group g.
  int64_t groups = folding.simd / together;
  auto reshape = [&](Value value, int64_t first, int64_t second) -> Value {
    auto type = cast<VectorType>(value.getType());
    return vector::ShapeCastOp::create(
        process.getBuilder(), op.getLoc(),
        VectorType::get({first, second}, type.getElementType()), value);
  };
  Value packed = process.sumRows(reshape(products, together, groups * factors),
                                 codec.getSumBits());
  // Of a row one for each vector.
  SmallVector<Value> sums(op.getVectors().value_or(1));
  SmallVector<int64_t> lanes;
  for (auto [number, part] : llvm::enumerate(codec.part(process, packed))) {
    Value sum = process.sumRows(reshape(part, groups, factors), sumBits);
    size_t vector = number % sums.size();
    for (int64_t r = 0; vector == 0 && r < factors; ++r)
      lanes.push_back(int64_t(lanes.size()));
    Value &all = sums[vector];
    all = all ? process.shuffle(all, sum, lanes) : sum;
  }
  return sums;
}

ProcessOp DotBuilder::run() {
  if (op.getVectors())
    return runPairs();
  Value step = process.index(2);
  Value codes = readCodes();
  Value sum = op.getShared() ? makeSharedSums(makeCodec(), codes).front()
                             : makeSums(codes);
  Value bias = getBias(process.index(1));
  process.write(0, accumulate(process, sum, bias, step, folding.steps),
                process.isAt(step, folding.steps - 1));
  return process.finish();
}

/// Of `folds` words of a pair's results, the second vector's go out with the
/// next pair's first, or behind the last.
ProcessOp DotBuilder::runPairs() {
  using P = arith::CmpIPredicate;
  const int64_t folds = folding.folds, steps = folding.steps;
  Value round = process.index(0), step = process.index(1);
  auto roundBits = unsigned(round.getType().getIntOrFloatBitWidth());
  auto isNot = [&](int64_t number) {
    return process.compare(P::ne, round, process.integer(roundBits, number));
  };
  const int64_t rounds = getLoops().front();
  Value isEnd = process.isAt(step, steps - 1);
  isMultiplying = process.both(isNot(0), isNot(rounds - 1));
  Value fold = process.countUp(folds, process.both(isMultiplying, isEnd)).now;
  Value isFirstFold = process.isAt(fold, 0);
  // The second vector of a pair comes with its first rows, the first one of the
  // next pair with its last.
  Value isSecond = process.both(isMultiplying, isFirstFold);
  Value isLastFold = process.both(isMultiplying, process.isAt(fold, folds - 1));
  Value isFirst = process.join(process.isAt(round, 0),
                               process.both(isLastFold, isNot(rounds - 2)));
  Value fresh = process.read(0, process.join(isFirst, isSecond));
  Value first = keep(fresh, step, isFirst);
  Value second = process.select(isSecond, fresh, keep(fresh, step, isSecond));
  SharedRowsCodec codec = makeCodec();
  SmallVector<Value> sums =
      makeSharedSums(codec, codec.joinCodes(process, first, second, isSigned));
  Value bias = getBias(fold);
  for (Value &sum : sums)
    sum = accumulate(process, sum, bias, step, steps);
  Value isDone = process.both(isMultiplying, isEnd);
  Value kept = process.memory(folds, sums[1].getType());
  Value isBefore =
      process.both(isFirstFold, process.compare(P::ugt, round,
                                                process.integer(roundBits, 1)));
  auto stepBits = unsigned(step.getType().getIntOrFloatBitWidth());
  Value isKept =
      process.both(isBefore, process.compare(P::ult, step,
                                             process.integer(stepBits, folds)));
  Value late = process.load(
      kept, process.select(isKept, step, process.integer(stepBits, 0)));
  process.store(sums[1], kept, fold, isDone);
  process.write(0, process.select(isKept, late, sums[0]),
                process.join(isKept, isDone));
  return process.finish();
}

ProcessOp fpga::lowerDot(DotOp op, OpBuilder &builder) {
  return DotBuilder(op, builder).run();
}
