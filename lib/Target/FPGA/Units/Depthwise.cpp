//===- Depthwise.cpp - products channel by channel -*- C++ -*-===//
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

ProcessOp fpga::lowerDepthwise(DepthwiseOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  ArrayRef<int64_t> shape = from.getShape();
  int64_t words = shape[2], taps = op.getTaps();
  unsigned sumBits = to.getElement().getWidth();
  ProcessBuilder process(builder, op.getLoc(),
                         {"depthwise",
                          op->getOperands(),
                          op->getResultTypes(),
                          {shape[0] * shape[1], words, taps}});
  Value codes = process.read(0, process.isTrue());
  // Word w * taps + t has tap t of those sums that channels of word w give.
  SmallVector<int64_t> weights =
      tileWeights(op.getWeights(), to.getLanes(), /*lanes=*/1);
  Value factors = process.lookUp(
      makeTensor(op.getContext(),
                 {words * taps, from.getLanes(), op.getMultiplier()},
                 getSignedBits(weights), weights),
      process.countUp(words * taps, process.isTrue()).now);
  Value products = multiplyRows(process, codes, from.getElement().isSigned(),
                                factors, op.getInLuts());
  Type element = cast<VectorType>(products.getType()).getElementType();
  products = vector::ShapeCastOp::create(
      process.getBuilder(), op.getLoc(),
      VectorType::get({to.getLanes()}, element), products);
  Value number = process.resize(products, sumBits, /*isSigned=*/true);
  Value bias;
  if (op.getBias())
    bias = process.lookUp(makeTensor(op.getContext(), {words, to.getLanes()},
                                     sumBits, getNumbers(*op.getBias())),
                          process.index(1));
  Value tap = process.index(2);
  process.write(0, accumulate(process, number, bias, tap, taps),
                process.isAt(tap, taps - 1));
  return process.finish();
}
