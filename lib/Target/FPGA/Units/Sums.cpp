//===- Sums.cpp - sums of products -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sums.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

unsigned fpga::getSignedBits(ArrayRef<int64_t> numbers) {
  auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  return Interval{*low, *high}.getSignedBits();
}

Value fpga::multiplyRows(ProcessBuilder &process, Value codes, bool isSigned,
                         Value weights, bool inLuts) {
  OpBuilder &builder = process.getBuilder();
  Location loc = codes.getLoc();
  auto codeType = cast<VectorType>(codes.getType()).getElementType();
  ArrayRef<int64_t> shape = cast<VectorType>(weights.getType()).getShape();
  Value column = vector::ShapeCastOp::create(
      builder, loc, VectorType::get({shape[0], 1}, codeType), codes);
  Value spread = vector::BroadcastOp::create(
      builder, loc, VectorType::get(shape, codeType), column);
  return process.multiply(spread, isSigned, weights, /*isBSigned=*/true,
                          inLuts);
}

Value fpga::accumulate(ProcessBuilder &process, Value sum, Value bias,
                       Value step, int64_t steps) {
  if (!bias && steps == 1)
    return sum;
  auto sums = cast<VectorType>(sum.getType());
  Value before = bias ? bias : process.splat(sums, 0);
  if (steps == 1)
    return process.add(before, sum);
  Value state = process.addState(process.getBuilder().getZeroAttr(sums));
  before = process.select(process.isAt(step, 0), before, state);
  sum = process.add(before, sum);
  process.setNext(state, sum);
  return sum;
}
