//===- Products.cpp - how products are made -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Products.h"

#include "Lanes.h"

#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;

static constexpr const char *inLutsName = "qflow.in_luts";

void fpga::setInLuts(Operation *product) {
  product->setDiscardableAttr(inLutsName, UnitAttr::get(product->getContext()));
}

bool fpga::isInLuts(Operation *product) {
  return bool(product->getDiscardableAttr(inLutsName));
}

static constexpr const char *sharedSumName = "qflow.shared_sum";

void fpga::setSharedSum(Operation *sum) {
  sum->setDiscardableAttr(sharedSumName, UnitAttr::get(sum->getContext()));
}

bool fpga::isSharedSum(Operation *sum) {
  return bool(sum->getDiscardableAttr(sharedSumName));
}

int64_t Factor::getBits() const { return getElementBits(value.getType()); }

/// What is extended without a sign first has none, whatever extends it then.
static Factor getFactor(Value value) {
  while (auto ext = value.getDefiningOp<arith::ExtSIOp>())
    value = ext.getIn();
  if (auto ext = value.getDefiningOp<arith::ExtUIOp>())
    return {ext.getIn(), false};
  return {value, true};
}

SmallVector<Factor, 2> fpga::getFactors(arith::MulIOp product) {
  return {getFactor(product.getLhs()), getFactor(product.getRhs())};
}

std::pair<Value, int64_t> fpga::traceLane(Value value, int64_t lane) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<arith::ExtSIOp, arith::ExtUIOp>(op)) {
      value = op->getOperand(0);
      continue;
    }
    auto gather = getGather(op);
    if (!gather)
      break;
    lane = gather->lanes[lane];
    for (Value source : gather->sources) {
      value = source;
      if (lane < countLanes(source.getType()))
        break;
      lane -= countLanes(source.getType());
    }
  }
  return {value, lane};
}

/// The numbers of a constant, through wiring; none where it is not one.
static std::optional<SmallVector<APInt>> getConstant(const Factor &factor) {
  SmallVector<APInt> numbers;
  for (int64_t lane = 0; lane < countLanes(factor.value.getType()); ++lane) {
    auto [source, at] = traceLane(factor.value, lane);
    Attribute value;
    if (!matchPattern(source, m_Constant(&value)))
      return std::nullopt;
    if (auto integer = dyn_cast<IntegerAttr>(value))
      numbers.push_back(integer.getValue());
    else
      numbers.push_back(cast<DenseElementsAttr>(value).getValues<APInt>()[at]);
  }
  return numbers;
}

/// Of all numbers that a factor of these bits may be.
static ConstantProducts::Lane bound(const APInt &number, const Factor &constant,
                                    const Factor &other) {
  const unsigned factorBits = other.getSignedBits(),
                 wide = number.getBitWidth() + 1 + factorBits;
  APInt value = constant.isSigned ? number.sext(wide) : number.zext(wide);
  APInt high = APInt::getSignedMaxValue(factorBits).sext(wide);
  APInt low = other.isSigned ? APInt::getSignedMinValue(factorBits).sext(wide)
                             : APInt(wide, 0);
  APInt first = value * low, last = value * high;
  bool isSigned = first.isNegative() || last.isNegative();
  unsigned bits =
      isSigned ? std::max(first.getSignificantBits(), last.getSignificantBits())
               : last.getActiveBits();
  return {value, bits, isSigned};
}

std::optional<ConstantProducts>
fpga::getConstantProducts(arith::MulIOp product) {
  SmallVector<Factor, 2> factors = getFactors(product);
  const int64_t bits = getElementBits(product.getType());
  for (size_t which : {0, 1}) {
    auto numbers = getConstant(factors[which]);
    if (!numbers)
      continue;
    ConstantProducts made{factors[which], factors[1 - which], {}};
    for (const APInt &number : *numbers) {
      made.lanes.push_back(bound(number, made.constant, made.other));
      made.lanes.back().bits = std::min(made.lanes.back().bits, bits);
    }
    return made;
  }
  return std::nullopt;
}

ProductShape::ProductShape(arith::MulIOp product)
    : a(getFactor(product.getLhs())), b(getFactor(product.getRhs())),
      bits(getElementBits(product.getType())) {
  auto count = [](const Factor &whole, const Factor &digits) {
    return countDigits(digits) * (whole.getBits() + 3);
  };
  if (count(b, a) < count(a, b))
    std::swap(a, b);
}
