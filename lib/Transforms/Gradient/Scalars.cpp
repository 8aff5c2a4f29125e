//===- Scalars.cpp - rules of arith and math ops on numbers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Tensors.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace qnt;

/// What a rule of one number at a time needs.
struct ScalarRule {
  ReverseSweep &sweep;
  Numbers n;
  Operation *op;
  Value dy;

  Value x(unsigned i) { return op->getOperand(i); }
  Value y() { return op->getResult(0); }
  Value c(double value) { return n.constant(dy.getType(), value); }
  /// Adds dy * slope to an operand; `slope` is called where it is wanted.
  void add(unsigned i, function_ref<Value()> slope) {
    if (sweep.isActive(x(i)))
      sweep.add(x(i), n.mul(dy, slope()));
  }
  void addAsIs(unsigned i, function_ref<Value()> cotangent) {
    if (sweep.isActive(x(i)))
      sweep.add(x(i), cotangent());
  }
};

/// Makes the rule of `OpTy` of a function that adds to the operands.
template <typename OpTy, void (*emit)(ScalarRule &)>
static LogicalResult reverseScalar(OpTy op, ReverseSweep &sweep) {
  if (isa<ShapedType>(op->getResult(0).getType()))
    return op->emitOpError("has no rule for its gradient on tensors");
  ScalarRule rule{sweep, Numbers(sweep.getBuilder(), op->getLoc()), op,
                  sweep.getCotangent(op->getResult(0))};
  emit(rule);
  return success();
}

template <typename OpTy, void (*emit)(ScalarRule &)>
static void attachScalar(MLIRContext *context) {
  attachRule<OpTy, reverseScalar<OpTy, emit>>(context);
}

static void reverseSum(ScalarRule &r) {
  for (unsigned i : {0, 1})
    r.addAsIs(i, [&] { return r.dy; });
}

static void reverseDifference(ScalarRule &r) {
  r.addAsIs(0, [&] { return r.dy; });
  r.addAsIs(1, [&] { return r.n.neg(r.dy); });
}

static void reverseProduct(ScalarRule &r) {
  r.add(0, [&] { return r.x(1); });
  r.add(1, [&] { return r.x(0); });
}

static void reverseQuotient(ScalarRule &r) {
  r.addAsIs(0, [&] { return r.n.div(r.dy, r.x(1)); });
  r.add(1, [&] { return r.n.neg(r.n.div(r.y(), r.x(1))); });
}

static void reverseNegation(ScalarRule &r) {
  r.addAsIs(0, [&] { return r.n.neg(r.dy); });
}

/// The cotangent is that of the operand taken: the second where both are equal.
template <bool isMaximum> static void reverseExtremum(ScalarRule &r) {
  Value isFirst =
      isMaximum ? r.n.less(r.x(1), r.x(0)) : r.n.less(r.x(0), r.x(1));
  r.addAsIs(0, [&] { return r.n.where(isFirst, r.dy); });
  r.addAsIs(1, [&] { return r.n.select(isFirst, r.c(0), r.dy); });
}

static void reverseSelect(ScalarRule &r) {
  r.addAsIs(1, [&] { return r.n.where(r.x(0), r.dy); });
  r.addAsIs(2, [&] { return r.n.select(r.x(0), r.c(0), r.dy); });
}

static void reverseFma(ScalarRule &r) {
  reverseProduct(r);
  r.addAsIs(2, [&] { return r.dy; });
}

static void reverseExp(ScalarRule &r) {
  r.add(0, [&] { return r.y(); });
}

static void reverseLog(ScalarRule &r) {
  r.addAsIs(0, [&] { return r.n.div(r.dy, r.x(0)); });
}

static void reverseSqrt(ScalarRule &r) {
  r.addAsIs(0, [&] { return r.n.div(r.n.mul(r.dy, r.c(0.5)), r.y()); });
}

static void reverseRsqrt(ScalarRule &r) {
  r.add(0, [&] { return r.n.div(r.n.mul(r.c(-0.5), r.y()), r.x(0)); });
}

static void reverseTanh(ScalarRule &r) {
  r.add(0, [&] { return r.n.sub(r.c(1), r.n.mul(r.y(), r.y())); });
}

static void reverseErf(ScalarRule &r) {
  r.add(0, [&] {
    return r.n.mul(r.c(2 / std::sqrt(M_PI)),
                   r.n.exp(r.n.neg(r.n.mul(r.x(0), r.x(0)))));
  });
}

static void reverseAbs(ScalarRule &r) {
  r.addAsIs(0, [&] {
    Value isNegative = r.n.less(r.x(0), r.c(0));
    return r.n.select(isNegative, r.n.neg(r.dy), r.dy);
  });
}

static void reverseSin(ScalarRule &r) {
  r.add(0, [&] {
    return math::CosOp::create(r.n.builder, r.n.loc, r.x(0)).getResult();
  });
}

static void reverseCos(ScalarRule &r) {
  r.add(0, [&] {
    return r.n.neg(math::SinOp::create(r.n.builder, r.n.loc, r.x(0)));
  });
}

static void reversePower(ScalarRule &r) {
  r.add(0, [&] {
    Value less = r.n.sub(r.x(1), r.c(1));
    Value power = math::PowFOp::create(r.n.builder, r.n.loc, r.x(0), less);
    return r.n.mul(r.x(1), power);
  });
  r.add(1, [&] {
    Value log = math::LogOp::create(r.n.builder, r.n.loc, r.x(0));
    return r.n.mul(r.y(), log);
  });
}

void qnt::attachArithRules(MLIRContext *context) {
  attachScalar<arith::AddFOp, reverseSum>(context);
  attachScalar<arith::SubFOp, reverseDifference>(context);
  attachScalar<arith::MulFOp, reverseProduct>(context);
  attachScalar<arith::DivFOp, reverseQuotient>(context);
  attachScalar<arith::NegFOp, reverseNegation>(context);
  attachScalar<arith::MaximumFOp, reverseExtremum<true>>(context);
  attachScalar<arith::MaxNumFOp, reverseExtremum<true>>(context);
  attachScalar<arith::MinimumFOp, reverseExtremum<false>>(context);
  attachScalar<arith::MinNumFOp, reverseExtremum<false>>(context);
  attachScalar<arith::SelectOp, reverseSelect>(context);
}

void qnt::attachMathRules(MLIRContext *context) {
  attachScalar<math::FmaOp, reverseFma>(context);
  attachScalar<math::ExpOp, reverseExp>(context);
  attachScalar<math::LogOp, reverseLog>(context);
  attachScalar<math::SqrtOp, reverseSqrt>(context);
  attachScalar<math::RsqrtOp, reverseRsqrt>(context);
  attachScalar<math::TanhOp, reverseTanh>(context);
  attachScalar<math::ErfOp, reverseErf>(context);
  attachScalar<math::AbsFOp, reverseAbs>(context);
  attachScalar<math::SinOp, reverseSin>(context);
  attachScalar<math::CosOp, reverseCos>(context);
  attachScalar<math::PowFOp, reversePower>(context);
}
