//===- QFlowChannels.cpp - what units of single channels demand -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "UnitChecks.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::qflow;

LogicalResult DepthwiseOp::verify() {
  if (failed(checkElements(*this))) // (C3)
    return failure();
  StreamType from = getInput().getType(), to = getResult().getType();
  ArrayRef<int64_t> shape = from.getShape();
  if (shape.size() != 4 || shape[3] % from.getLanes() ||
      to.getShape().size() != 3 ||
      to.getShape().take_front(2) != shape.take_front(2) ||
      to.getShape()[2] % getChannels()) // (C1)
    return emitOpError("expected windows of words of channels, and as many "
                       "sums for each channel");
  if (int64_t lanes = from.getLanes() * getMultiplier(); to.getLanes() != lanes)
    return emitOpError("expected ")
           << lanes << " lanes of the result, got " << to.getLanes();
  int64_t rows = to.getShape()[2];
  if (failed(checkTensor(*this, getWeights(), {rows, getTaps()}, "weights")) ||
      (getBias() && failed(checkTensor(*this, *getBias(), {rows}, "a bias"))))
    return failure();
  auto sums =
      DotOp::getSums(getWeights(), getBias().value_or(DenseIntElementsAttr()),
                     Interval::of(from.getElement()));
  if (!to.getElement().isSigned() || !sums) // (C2)
    return emitOpError("expected signed sums of at most 64 bits, got ")
           << to.getElement();
  int64_t weightBits =
      getWeights().getElementType().getIntOrFloatBitWidth() * to.getLanes();
  bool isFolded = getTaps() > 1 || rows > to.getLanes();
  if (isFolded && weightBits > maxWordBits) // (C4)
    return emitOpError("multiplies with ")
           << to.getLanes() << " weights at once, " << weightBits
           << " bits, expected at most " << maxWordBits;
  return checkHolds(*this, to, *sums, "the sums");
}

LogicalResult ConcatOp::verify() {
  if (getInputs().empty()) // (C1)
    return emitOpError("expected streams");
  StreamType to = getResult().getType();
  int64_t channels = 0;
  for (Value input : getInputs()) {
    auto from = cast<StreamType>(input.getType());
    if (from.getShape().drop_back() != to.getShape().drop_back())
      return emitOpError("expected dimensions [")
             << to.getShape().drop_back() << "] before the last, got " << from;
    if (from.getElement() != to.getElement() ||
        from.getLanes() != to.getLanes()) // (C2)
      return emitOpError("expected the elements and the lanes of ")
             << to << ", got " << from;
    channels += from.getShape().back();
  }
  if (channels != to.getShape().back())
    return emitOpError("has ")
           << channels << " elements side by side, expected "
           << to.getShape().back();
  return success();
}
