//===- Dot.cpp - products of vectors with a matrix -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
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
  Value readCodes();
  /// What `list` gives of the weights that are multiplied in an iteration,
  /// [simd, factors].
  Value lookUpWeights(ArrayRef<int64_t> list, unsigned bits, int64_t factors);
  Value makeProducts(Value codes, Value factors);
  Value makeSums(Value codes);
  Value makeSharedSums(Value codes);

  DotOp op;
  const Folding folding;
  /// In the order of words.
  const SmallVector<int64_t> weights;
  const unsigned sumBits;
  ProcessBuilder process;
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
      weights(tileWeights(op.getWeights(), folding.pe, folding.simd)),
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
  return process.readOrKeep(0, isNew, folding.steps, step);
}

Value DotBuilder::lookUpWeights(ArrayRef<int64_t> list, unsigned bits,
                                int64_t factors) {
  DenseIntElementsAttr contents = makeTensor(
      op.getContext(), {folding.folds * folding.steps, folding.simd, factors},
      bits, list);
  Value at =
      process.countUp(contents.getType().getShape().front(), process.isTrue())
          .now;
  return process.lookUp(contents, at);
}

/// Of factors [simd, n], with as many rows.
Value DotBuilder::makeProducts(Value codes, Value factors) {
  return multiplyRows(process, codes,
                      op.getInput().getType().getElement().isSigned(), factors,
                      op.getInLuts());
}

/// [pe], of this iteration.
Value DotBuilder::makeSums(Value codes) {
  // Word fold * steps + step has weight [fold * pe + r, step * simd + i] in
  // lane (i, r).
  Value factors = lookUpWeights(weights, getSignedBits(weights), folding.pe);
  return process.sumRows(makeProducts(codes, factors), sumBits);
}

/// The same, of products that rows share.
Value DotBuilder::makeSharedSums(Value codes) {
  int64_t shared = *op.getShared(), factors = folding.pe / shared;
  // Row j * factors + q of an input is row j of factor q.
  SmallVector<SmallVector<int64_t>> rows(static_cast<size_t>(shared));
  for (auto [at, weight] : llvm::enumerate(weights))
    rows[at / size_t(factors) % size_t(shared)].push_back(weight);
  auto places = *DotOp::getSharedRows(
      cast<DenseIntElementsAttr>(op.getWeights()),
      op.getInput().getType().getElement(), folding.pe, folding.simd, shared);
  SharedRowsCodec codec(places, shared, rows);
  Value stored = lookUpWeights(codec.store(), codec.getStoredBits(), factors);
  Value products = makeProducts(codes, codec.makeFactors(process, stored));
  // Input k * groups + g is summed in group g.
  int64_t groups = folding.simd / places.inputs;
  auto reshape = [&](Value value, int64_t first, int64_t second) -> Value {
    auto type = cast<VectorType>(value.getType());
    return vector::ShapeCastOp::create(
        process.getBuilder(), op.getLoc(),
        VectorType::get({first, second}, type.getElementType()), value);
  };
  Value packed = process.sumRows(
      reshape(products, places.inputs, groups * factors), codec.getSumBits());
  Value sums;
  SmallVector<int64_t> lanes;
  for (Value part : codec.part(process, packed)) {
    Value sum = process.sumRows(reshape(part, groups, factors), sumBits);
    for (int64_t r = 0; r < factors; ++r)
      lanes.push_back(int64_t(lanes.size()));
    sums = sums ? process.shuffle(sums, sum, lanes) : sum;
  }
  return sums;
}

ProcessOp DotBuilder::run() {
  Value step = process.index(2);
  Value codes = readCodes();
  Value sum = op.getShared() ? makeSharedSums(codes) : makeSums(codes);
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
