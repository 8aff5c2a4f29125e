//===- Integers.cpp - integer arithmetic that never traps -------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Integers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt::target;

static Value like(CodeBuilder &k, Value x, int64_t value) {
  return k.constant(x.getType(), double(value));
}

static Value notEqual(CodeBuilder &k, Value x, Value y) {
  return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, x, y);
}

/// `compute` with a divisor that cannot trap, then 0 where `y` is 0, and
/// `ofMinusOne` where it is -1.
template <typename OpTy>
static Value guarded(CodeBuilder &k, Value x, Value y, Value ofMinusOne) {
  Value one = like(k, x, 1), zero = like(k, x, 0);
  Value isZero = k.eq(y, zero), divisor = k.select(isZero, one, y), isMinusOne;
  if (ofMinusOne) {
    isMinusOne = k.eq(y, like(k, x, -1));
    divisor = k.select(isMinusOne, one, divisor);
  }
  Value result = OpTy::create(k.b, k.loc, x, divisor);
  if (ofMinusOne)
    result = k.select(isMinusOne, ofMinusOne, result);
  return k.select(isZero, zero, result);
}

Value qnt::target::emitDivide(CodeBuilder &k, Value x, Value y) {
  return guarded<arith::DivSIOp>(k, x, y, k.sub(like(k, x, 0), x));
}
Value qnt::target::emitRemainder(CodeBuilder &k, Value x, Value y) {
  return guarded<arith::RemSIOp>(k, x, y, like(k, x, 0));
}
Value qnt::target::emitDivideU(CodeBuilder &k, Value x, Value y) {
  return guarded<arith::DivUIOp>(k, x, y, Value());
}
Value qnt::target::emitRemainderU(CodeBuilder &k, Value x, Value y) {
  return guarded<arith::RemUIOp>(k, x, y, Value());
}

/// The quotient moved by one where there is a remainder and x and y have
/// (`ceil`), or have not, the same sign.
static Value roundQuotient(CodeBuilder &k, Value x, Value y, bool ceil) {
  Value zero = like(k, x, 0), one = like(k, x, 1);
  Value inexact = notEqual(k, emitRemainder(k, x, y), zero);
  Value differ = k.ltS(k.bxor(x, y), zero);
  Value quotient = emitDivide(k, x, y);
  Value moved = ceil ? k.add(quotient, one) : k.sub(quotient, one);
  Value stays = k.select(inexact, moved, quotient);
  return ceil ? k.select(differ, quotient, stays)
              : k.select(differ, stays, quotient);
}

Value qnt::target::emitFloorDivide(CodeBuilder &k, Value x, Value y) {
  return roundQuotient(k, x, y, false);
}
Value qnt::target::emitCeilDivide(CodeBuilder &k, Value x, Value y) {
  return roundQuotient(k, x, y, true);
}
Value qnt::target::emitCeilDivideU(CodeBuilder &k, Value x, Value y) {
  Value quotient = emitDivideU(k, x, y);
  Value inexact = notEqual(k, emitRemainderU(k, x, y), like(k, x, 0));
  return k.select(inexact, k.add(quotient, like(k, x, 1)), quotient);
}

Value qnt::target::emitShift(CodeBuilder &k, Shift kind, Value x, Value y) {
  unsigned bits = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  Value most = like(k, x, int64_t(bits) - 1);
  Value fits =
      arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ule, y, most);
  Value amount = k.select(fits, y, most);
  if (kind == Shift::RightS)
    return arith::ShRSIOp::create(k.b, k.loc, x, amount);
  Value shifted;
  if (kind == Shift::Left)
    shifted = arith::ShLIOp::create(k.b, k.loc, x, amount);
  else
    shifted = arith::ShRUIOp::create(k.b, k.loc, x, amount);
  return k.select(fits, shifted, like(k, x, 0));
}

Value qnt::target::emitIntegerPower(CodeBuilder &k, Value x, Value y) {
  unsigned bits = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  Value one = like(k, x, 1), zero = like(k, x, 0);
  auto power =
      k.loop(k.c64(0), k.c64(bits), 1, ValueRange{one, x, y},
             [&](Value, ValueRange state) {
               Value isOdd = k.eq(k.band(state[2], one), one);
               Value result =
                   k.select(isOdd, k.mul(state[0], state[1]), state[0]);
               return SmallVector<Value>{result, k.mul(state[1], state[1]),
                                         k.shrU(state[2], 1)};
             });
  // 1 and -1 are their own inverses.
  Value isUnit = k.bor(k.eq(x, one), k.eq(x, like(k, x, -1)));
  Value odd = k.eq(k.band(y, one), one);
  Value inverse = k.select(isUnit, k.select(odd, x, one), zero);
  return k.select(k.ltS(y, zero), inverse, power[0]);
}
