//===- Products.cpp - how products are made -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Products.h"

#include "Lanes.h"

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

int64_t Factor::getBits() const { return getElementBits(value.getType()); }

static Factor getFactor(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto ext = dyn_cast_or_null<arith::ExtSIOp>(op))
    return {ext.getIn(), true};
  if (auto ext = dyn_cast_or_null<arith::ExtUIOp>(op))
    return {ext.getIn(), false};
  return {value, true};
}

SmallVector<Factor, 2> fpga::getFactors(arith::MulIOp product) {
  return {getFactor(product.getLhs()), getFactor(product.getRhs())};
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
