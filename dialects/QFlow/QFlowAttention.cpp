//===- QFlowAttention.cpp - what units of a transformer demand -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "UnitChecks.h"

#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::qflow;

static LogicalResult checkShape(Operation *op, StreamType type,
                                ArrayRef<int64_t> shape, const char *what) {
  if (type.getShape() == shape)
    return success();
  return op->emitOpError("expected ")
         << what << " [" << shape << "], got [" << type.getShape() << "]";
}

static LogicalResult checkLanes(Operation *op, StreamType type, int64_t lanes,
                                const char *what) {
  if (type.getLanes() == lanes)
    return success();
  return op->emitOpError("expected ")
         << lanes << " lanes of " << what << ", got " << type.getLanes();
}

static LogicalResult checkDivides(Operation *op, int64_t lanes, int64_t size,
                                  const char *what) {
  if (size % lanes == 0)
    return success();
  return op->emitOpError("expected lanes that divide ")
         << what << ", " << size << ", got " << lanes;
}

/// That elements have at most `bits`, and the sign that is asked for.
static LogicalResult checkElement(Operation *op, StreamType type, bool isSigned,
                                  unsigned bits, const char *what) {
  IntegerType element = type.getElement();
  if (element.isSigned() == isSigned && element.getWidth() <= bits)
    return success();
  return op->emitOpError("expected ")
         << (isSigned ? "signed" : "unsigned") << " " << what << " of at most "
         << bits << " bits, got " << element;
}

static LogicalResult checkIs(Operation *op, StreamType type, bool isSigned,
                             unsigned bits, const char *what) {
  IntegerType element = type.getElement();
  if (element.isSigned() == isSigned && element.getWidth() == bits)
    return success();
  return op->emitOpError("expected ")
         << what << " of " << (isSigned ? "si" : "ui") << bits << ", got "
         << element;
}

/// That sums are known and the signed elements of `type` hold them.
static LogicalResult checkSums(Operation *op, StreamType type,
                               std::optional<Interval> sums) {
  if (!sums)
    return op->emitOpError("may have a sum beyond 64 bits");
  if (!type.getElement().isSigned())
    return op->emitOpError("expected signed sums, got ") << type.getElement();
  return checkHolds(op, type, *sums, "the sums");
}

/// That heads, and those that share them, are as said of `type`: [T, heads *
/// D].
static LogicalResult checkHeads(Operation *op, StreamType type, int64_t heads,
                                int64_t kvHeads) {
  if (type.getShape().size() != 2 || heads < 1 ||
      type.getShape()[1] % heads != 0)
    return op->emitOpError("expected [tokens, heads * size] of ")
           << heads << " heads, got [" << type.getShape() << "]";
  if (kvHeads < 1 || heads % kvHeads != 0)
    return op->emitOpError("expected heads of keys and values that divide ")
           << heads << ", got " << kvHeads;
  return success();
}

//===----------------------------------------------------------------------===//
// Numbers one by one
//===----------------------------------------------------------------------===//

LogicalResult MultiplyOp::verify() {
  if (failed(checkElements(*this))) // (C2)
    return failure();
  StreamType a = getA().getType(), b = getB().getType(),
             to = getResult().getType();
  for (StreamType other : {b, to}) // (C1)
    if (other.getShape() != a.getShape() || other.getLanes() != a.getLanes())
      return emitOpError("expected streams of one shape and as many lanes");
  if (getZeros().size() != 2)
    return emitOpError("expected two zero points, got ") << getZeros().size();
  auto getNumbers = [](StreamType type, int64_t zero) {
    return *Interval::of(type.getElement()).plus({-zero, -zero});
  };
  for (auto [type, zero] : {std::pair(a, getZeros()[0]), {b, getZeros()[1]}})
    if (failed(checkHolds(*this, type, {zero, zero}, "their zero point")))
      return failure();
  return checkSums(
      *this, to, // (C2)
      getNumbers(a, getZeros()[0]).times(getNumbers(b, getZeros()[1])));
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

std::optional<int64_t> NormalizeOp::getLargestSum() {
  Interval numbers = getNumbers();
  int64_t most = std::max(-numbers.low, numbers.high);
  auto squares = llvm::checkedMul<int64_t>(
      most * most, getInput().getType().getShape().back());
  auto sum = squares ? llvm::checkedAdd<int64_t>(*squares, getStabilizer())
                     : std::nullopt;
  if (!sum || !llvm::isUIntN(62, *sum))
    return std::nullopt;
  return std::max<int64_t>(*sum, 4);
}

LogicalResult NormalizeOp::verify() {
  StreamType from = getInput().getType(), to = getResult().getType();
  int64_t zero = getZero(), stabilizer = getStabilizer();
  if (from.getShape() != to.getShape() ||
      from.getLanes() != to.getLanes()) // (C1)
    return emitOpError("expected streams of one shape and as many lanes");
  if (failed(checkIs(*this, to, /*isSigned=*/true, 18, "results"))) // (C2)
    return failure();
  if (from.getElement().getWidth() > 24)
    return emitOpError("expected elements of at most 24 bits, got ")
           << from.getElement();
  if (failed(checkHolds(*this, from, {zero, zero}, "the zero point")))
    return failure();
  if (stabilizer < 0 || !getLargestSum()) // (C3)
    return emitOpError("expected a stabilizer that is not negative, and a sum "
                       "of at most 62 bits, got ")
           << stabilizer;
  return success();
}

std::optional<Interval> RopeOp::getSums() {
  int64_t zero = getZero(), size = getHeadSize();
  Interval numbers =
      *Interval::of(getInput().getType().getElement()).plus({-zero, -zero});
  auto entry = getTable().getValues<APInt>().begin();
  auto getEntry = [&](int64_t t, int64_t i) {
    return (*(entry + (t * size + i))).getSExtValue();
  };
  std::optional<Interval> all;
  for (int64_t t = 0; t < getTokens(); ++t)
    for (int64_t i = 0; i < size / 2; ++i) {
      int64_t c = getEntry(t, i), s = getEntry(t, i + size / 2);
      auto cosine = numbers.times(c), sine = numbers.times(s),
           minus = numbers.times(-s);
      if (!cosine || !sine || !minus)
        return std::nullopt;
      auto first = cosine->plus(*minus), second = cosine->plus(*sine);
      if (!first || !second)
        return std::nullopt;
      all = all ? all->with(*first) : *first;
      all = all->with(*second);
    }
  return all;
}

LogicalResult RopeOp::verify() {
  if (failed(checkElements(*this))) // (C2)
    return failure();
  StreamType from = getInput().getType(), to = getResult().getType();
  int64_t zero = getZero(), heads = getHeads();
  if (failed(checkHeads(*this, from, heads, heads)) || // (C1)
      failed(checkShape(*this, to, from.getShape(), "results")) ||
      failed(checkLanes(*this, to, from.getLanes(), "the result")))
    return failure();
  int64_t size = getHeadSize();
  if (size % 2 != 0)
    return emitOpError("expected heads of pairs of numbers, got ") << size;
  if (failed(checkDivides(*this, from.getLanes(), size / 2, "half a head")))
    return failure();
  if (getTable().getType().getShape() != ArrayRef({getTokens(), size}) ||
      getTable().getElementType().getIntOrFloatBitWidth() != 16)
    return emitOpError("expected a table [")
           << getTokens() << ", " << size << "] of i16, got "
           << getTable().getType();
  if (failed(checkHolds(*this, from, {zero, zero}, "the zero point")))
    return failure();
  if (32 * from.getLanes() > maxWordBits) // (C3)
    return emitOpError("takes ") << 32 * from.getLanes()
                                 << " bits of its table at once, expected at "
                                    "most "
                                 << maxWordBits;
  return checkSums(*this, to, getSums());
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Of `count` products.
static std::optional<Interval> sumProducts(StreamType a, StreamType b,
                                           int64_t count) {
  auto product =
      Interval::of(a.getElement()).times(Interval::of(b.getElement()));
  return product ? product->times(count) : std::nullopt;
}

std::optional<Interval> ScoresOp::getSums() {
  return sumProducts(getQueries().getType(), getKeys().getType(),
                     getHeadSize());
}

LogicalResult ScoresOp::verify() {
  StreamType q = getQueries().getType(), k = getKeys().getType(),
             to = getResult().getType();
  int64_t heads = getHeads(), kvHeads = getKvHeads();
  if (failed(checkHeads(*this, q, heads, kvHeads))) // (C1)
    return failure();
  int64_t tokens = getTokens(), size = getHeadSize();
  if (failed(checkShape(*this, k, {tokens, kvHeads * size}, "keys")) ||
      failed(checkShape(*this, to, {tokens, heads, tokens}, "scores")) ||
      failed(checkLanes(*this, k, q.getLanes(), "keys")) || // (C2)
      failed(checkLanes(*this, to, 1, "scores")) ||
      failed(checkDivides(*this, q.getLanes(), size, "a head")))
    return failure();
  for (StreamType type : {q, k}) // (C3)
    if (type.getElement().getWidth() > 24)
      return emitOpError("expected elements of at most 24 bits, got ")
             << type.getElement();
  std::optional<Interval> sums = getSums();
  if (sums)
    sums = sums->with({sums->low - 1, sums->low - 1});
  return checkSums(*this, to, sums);
}

LogicalResult ExponentialsOp::verify() {
  StreamType s = getScores().getType(), p = getPowers().getType(),
             l = getSums().getType();
  ArrayRef<int64_t> shape = s.getShape();
  if (shape.size() != 3 || shape[0] != shape[2]) // (C1)
    return emitOpError("expected scores [tokens, heads, tokens], got [")
           << shape << "]";
  if (failed(checkShape(*this, p, shape, "powers")) ||
      failed(checkShape(*this, l, shape.drop_back(), "sums")) ||
      failed(checkLanes(*this, p, s.getLanes(), "powers")) ||
      failed(checkLanes(*this, l, 1, "sums")) ||
      failed(checkElement(*this, s, true, 47, "scores")) || // (C2)
      failed(checkIs(*this, p, false, 8, "powers")) ||
      failed(checkElement(*this, l, false, 47, "sums")))
    return failure();
  if (int64_t multiplier = getMultiplier();
      multiplier < 1 || multiplier > 65535) // (C3)
    return emitOpError("expected a multiplier of 1 to 65535, got ")
           << multiplier;
  if (int64_t shift = getShift(); shift < 1 || shift > 62)
    return emitOpError("expected a shift of 1 to 62, got ") << shift;
  return checkHolds(*this, l, {0, 255 * shape.back()}, "the sums");
}

std::optional<Interval> MixOp::getSums() {
  return sumProducts(getWeights().getType(), getValues().getType(),
                     getTokens());
}

LogicalResult MixOp::verify() {
  StreamType p = getWeights().getType(), v = getValues().getType(),
             to = getResult().getType();
  int64_t heads = getHeads(), kvHeads = getKvHeads();
  if (failed(checkHeads(*this, to, heads, kvHeads))) // (C1)
    return failure();
  int64_t tokens = to.getShape()[0], size = getHeadSize();
  if (failed(checkShape(*this, p, {tokens, heads, tokens}, "weights")) ||
      failed(checkShape(*this, v, {tokens, kvHeads * size}, "values")) ||
      failed(checkLanes(*this, p, 1, "weights")) || // (C2)
      failed(checkLanes(*this, v, to.getLanes(), "values")) ||
      failed(checkDivides(*this, to.getLanes(), size, "a head")) ||
      failed(checkElement(*this, p, false, 24, "weights"))) // (C3)
    return failure();
  if (v.getElement().getWidth() > 24)
    return emitOpError("expected elements of at most 24 bits, got ")
           << v.getElement();
  return checkSums(*this, to, getSums());
}

LogicalResult DivideOp::verify() {
  StreamType o = getSums().getType(), l = getDivisors().getType(),
             to = getResult().getType();
  int64_t heads = getHeads();
  if (failed(checkHeads(*this, o, heads, heads)) || // (C1)
      failed(checkShape(*this, to, o.getShape(), "results")) ||
      failed(checkShape(*this, l, {o.getShape()[0], heads}, "divisors")) ||
      failed(checkLanes(*this, to, o.getLanes(), "results")) ||
      failed(checkLanes(*this, l, 1, "divisors")) ||
      failed(checkDivides(*this, o.getLanes(), getHeadSize(), "a head")) ||
      failed(checkElement(*this, o, true, 40, "sums")) || // (C2)
      failed(checkElement(*this, l, false, 24, "divisors")))
    return failure();
  return checkIs(*this, to, true, 17, "results");
}
