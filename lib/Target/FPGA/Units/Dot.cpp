//===- Dot.cpp - products of vectors with a matrix -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
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
  Value readCodes();
  Value makeWeights();

  DotOp op;
  const Folding folding;
  const unsigned sumBits;
  ProcessBuilder process;
};
} // namespace

/// The bits that hold all weights.
static unsigned getWeightBits(DotOp op) {
  SmallVector<int64_t> numbers = getNumbers(op.getWeights());
  auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  return Interval{*low, *high}.getSignedBits();
}

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
      sumBits(op.getResult().getType().getElement().getWidth()),
      process(builder, op.getLoc(),
              {"dot",
               op->getOperands(),
               op->getResultTypes(),
               {op.getInput().getType().getElements() / folding.inputs,
                folding.folds, folding.steps}}) {}

/// The first rows read a vector's words, the others have them from a memory.
Value DotBuilder::readCodes() {
  Value step = process.index(2);
  if (folding.folds == 1)
    return process.read(0, process.isTrue());
  Value isNew = process.isAt(process.index(1), 0);
  Value fresh = process.read(0, isNew);
  Value kept = process.memory(folding.steps, fresh.getType());
  Value old = process.load(kept, step);
  process.store(fresh, kept, step, isNew);
  return process.select(isNew, fresh, old);
}

/// [simd, pe]
Value DotBuilder::makeWeights() {
  // Word fold * steps + step has weight [fold * pe + r, step * simd + i] in
  // lane (i, r).
  SmallVector<int64_t> words =
      tileWeights(op.getWeights(), folding.pe, folding.simd);
  DenseIntElementsAttr contents =
      makeTensor(op.getContext(),
                 {folding.folds * folding.steps, folding.simd, folding.pe},
                 getWeightBits(op), words);
  Value at =
      process.countUp(contents.getType().getShape().front(), process.isTrue())
          .now;
  return process.lookUp(contents, at);
}

ProcessOp DotBuilder::run() {
  Value step = process.index(2);
  Value codes = readCodes();
  Value sum = sumProducts(process, codes,
                          op.getInput().getType().getElement().isSigned(),
                          makeWeights(), sumBits, op.getInLuts());
  Value bias;
  if (op.getBias())
    bias =
        process.lookUp(makeTensor(op.getContext(), {folding.folds, folding.pe},
                                  sumBits, getNumbers(*op.getBias())),
                       process.index(1));
  process.write(0, accumulate(process, sum, bias, step, folding.steps),
                process.isAt(step, folding.steps - 1));
  return process.finish();
}

ProcessOp fpga::lowerDot(DotOp op, OpBuilder &builder) {
  return DotBuilder(op, builder).run();
}
