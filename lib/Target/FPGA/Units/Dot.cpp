//===- Dot.cpp - products of vectors with a matrix -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Units.h"
#include "SharedRows.h"

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
  /// In the order of the words of an iteration after the other: inputs of a
  /// step, and of each the first `factors` rows of a fold.
  void forEachLane(int64_t factors,
                   function_ref<void(int64_t row, int64_t input)> visit) const {
    for (int64_t fold = 0; fold < folds; ++fold)
      for (int64_t input = 0; input < inputs; ++input)
        for (int64_t r = 0; r < factors; ++r)
          visit(fold * pe + r, input);
  }
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
  const SmallVector<int64_t> weights;
  /// Of an element of the input, of a sum.
  unsigned inputBits, sumBits;
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
    : op(op), folding(op), weights(getNumbers(op.getWeights())),
      inputBits(op.getInput().getType().getElement().getWidth()),
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
  OpBuilder &builder = process.getBuilder();
  auto codeType = IntegerType::get(op.getContext(), inputBits);
  Value column = vector::ShapeCastOp::create(
      builder, op.getLoc(), VectorType::get({folding.simd, 1}, codeType),
      codes);
  Value spread = vector::BroadcastOp::create(
      builder, op.getLoc(), cast<VectorType>(factors.getType()).clone(codeType),
      column);
  return process.multiply(spread, isSigned, factors, /*isBSigned=*/true,
                          op.getInLuts());
}

/// [pe], of this iteration.
Value DotBuilder::makeSums(Value codes) {
  // Word fold * steps + step has weight [fold * pe + r, step * simd + i] in
  // lane (i, r).
  SmallVector<int64_t> words;
  folding.forEachLane(folding.pe, [&](int64_t row, int64_t input) {
    words.push_back(weights[row * folding.inputs + input]);
  });
  Value factors = lookUpWeights(words, getSignedBits(weights), folding.pe);
  return process.sumRows(makeProducts(codes, factors), sumBits);
}

/// The same, of products that rows share.
Value DotBuilder::makeSharedSums(Value codes) {
  int64_t shared = *op.getShared(), factors = folding.pe / shared;
  SmallVector<SmallVector<int64_t>> rows(static_cast<size_t>(shared));
  folding.forEachLane(factors, [&](int64_t row, int64_t input) {
    for (auto [j, list] : llvm::enumerate(rows))
      list.push_back(
          weights[(row + int64_t(j) * factors) * folding.inputs + input]);
  });
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
