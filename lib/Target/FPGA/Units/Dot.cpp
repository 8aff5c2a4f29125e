//===- Dot.cpp - products of vectors with a matrix -*- C++ -*-===//
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
  Value makeProducts(Value codes);

  DotOp op;
  const Folding folding;
  /// Of an element of the input, of a weight, of a sum.
  unsigned inputBits, weightBits, sumBits;
  bool isSigned;
  VectorType sums;
  ProcessBuilder process;
};
} // namespace

/// The bits that hold all numbers of a tensor.
static unsigned getSignedBits(ArrayRef<int64_t> numbers) {
  auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  return Interval{*low, *high}.getSignedBits();
}

DotBuilder::DotBuilder(DotOp op, OpBuilder &builder)
    : op(op), folding(op),
      inputBits(op.getInput().getType().getElement().getWidth()),
      weightBits(getSignedBits(getNumbers(op.getWeights()))),
      sumBits(op.getResult().getType().getElement().getWidth()),
      isSigned(op.getInput().getType().getElement().isSigned()),
      sums(getWordVector(op.getResult().getType())),
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
  return process.readOrKeep(0, isNew, folding.steps, step);
}

/// [simd, pe]
Value DotBuilder::makeProducts(Value codes) {
  // Word fold * steps + step has weight [fold * pe + r, step * simd + i] in
  // lane (i, r).
  SmallVector<int64_t> weights = getNumbers(op.getWeights()), words;
  words.reserve(weights.size());
  for (int64_t fold = 0; fold < folding.folds; ++fold)
    for (int64_t step = 0; step < folding.steps; ++step)
      for (int64_t i = 0; i < folding.simd; ++i)
        for (int64_t r = 0; r < folding.pe; ++r)
          words.push_back(weights[(fold * folding.pe + r) * folding.inputs +
                                  step * folding.simd + i]);
  DenseIntElementsAttr contents =
      makeTensor(op.getContext(),
                 {folding.folds * folding.steps, folding.simd, folding.pe},
                 weightBits, words);
  Value at =
      process.countUp(contents.getType().getShape().front(), process.isTrue())
          .now;
  Value weight = process.lookUp(contents, at);
  OpBuilder &builder = process.getBuilder();
  auto codeType = IntegerType::get(op.getContext(), inputBits);
  Value column = vector::ShapeCastOp::create(
      builder, op.getLoc(), VectorType::get({folding.simd, 1}, codeType),
      codes);
  Value spread = vector::BroadcastOp::create(
      builder, op.getLoc(),
      VectorType::get({folding.simd, folding.pe}, codeType), column);
  return process.multiply(spread, isSigned, weight, /*isBSigned=*/true,
                          op.getInLuts());
}

ProcessOp DotBuilder::run() {
  Value step = process.index(2);
  Value sum = process.sumRows(makeProducts(readCodes()), sumBits);
  if (op.getBias() || folding.steps > 1) {
    Value before = process.splat(sums, 0);
    if (op.getBias())
      before = process.lookUp(makeTensor(op.getContext(),
                                         {folding.folds, folding.pe}, sumBits,
                                         getNumbers(*op.getBias())),
                              process.index(1));
    if (folding.steps > 1) {
      Value state = process.addState(process.getBuilder().getZeroAttr(sums));
      before = process.select(process.isAt(step, 0), before, state);
      sum = process.add(before, sum);
      process.setNext(state, sum);
    } else {
      sum = process.add(before, sum);
    }
  }
  process.write(0, sum, process.isAt(step, folding.steps - 1));
  return process.finish();
}

ProcessOp fpga::lowerDot(DotOp op, OpBuilder &builder) {
  return DotBuilder(op, builder).run();
}
