//===- Elementwise.cpp - rules of sums, products, activations -*- C++ -*-===//
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

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

static LogicalResult reverseAdd(nn::AddOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  if (sweep.isActive(op.getLhs()))
    sweep.add(op.getLhs(), dy);
  if (sweep.isActive(op.getRhs()))
    sweep.add(op.getRhs(), t.sumLeading(dy, rankOf(op.getRhs())));
  return success();
}

static LogicalResult reverseMul(nn::MulOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  if (sweep.isActive(op.getLhs()))
    sweep.add(op.getLhs(),
              nn::MulOp::create(t.builder, t.loc, dy, op.getRhs()));
  if (sweep.isActive(op.getRhs()))
    sweep.add(op.getRhs(),
              t.sumLeading(nn::MulOp::create(t.builder, t.loc, dy, op.getLhs()),
                           rankOf(op.getRhs())));
  return success();
}

/// 1 / (1 + exp(-x)).
static Value emitSigmoid(Numbers &n, Value x) {
  Value one = n.f32(1);
  return n.div(one, n.add(one, n.exp(n.neg(x))));
}

/// The slope of an activation at x.
static Value emitSlope(Numbers &n, nn::ActivationKind kind, Value x) {
  using Kind = nn::ActivationKind;
  Value one = n.f32(1), half = n.f32(0.5);
  auto tanh = [&](Value u) -> Value {
    return math::TanhOp::create(n.builder, n.loc, u);
  };
  auto complement = [&](Value u) { return n.sub(one, u); };
  switch (kind) {
  case Kind::Relu:
    return n.where(n.less(n.f32(0), x), one);
  case Kind::Gelu: {
    // Phi(x) + x phi(x).
    Value scaled = n.mul(x, n.f32(std::sqrt(0.5)));
    Value erf = math::ErfOp::create(n.builder, n.loc, scaled);
    Value density = n.mul(n.exp(n.neg(n.mul(scaled, scaled))),
                          n.f32(1 / std::sqrt(2 * M_PI)));
    return n.add(n.mul(half, n.add(one, erf)), n.mul(x, density));
  }
  case Kind::GeluTanh: {
    double factor = std::sqrt(2 / M_PI), cubic = 0.044715;
    Value square = n.mul(x, x);
    Value inner =
        n.mul(n.mul(n.f32(factor), x), n.add(one, n.mul(n.f32(cubic), square)));
    Value u = tanh(inner);
    Value innerSlope =
        n.mul(n.f32(factor), n.add(one, n.mul(n.f32(3 * cubic), square)));
    Value turn = n.mul(n.mul(x, complement(n.mul(u, u))), innerSlope);
    return n.mul(half, n.add(n.add(one, u), turn));
  }
  case Kind::Silu: {
    Value s = emitSigmoid(n, x);
    return n.mul(s, n.add(one, n.mul(x, complement(s))));
  }
  case Kind::Tanh: {
    Value y = tanh(x);
    return complement(n.mul(y, y));
  }
  case Kind::Sigmoid: {
    Value s = emitSigmoid(n, x);
    return n.mul(s, complement(s));
  }
  }
  llvm_unreachable("unknown activation");
}

static LogicalResult reverseActivation(nn::ActivationOp op,
                                       ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  sweep.add(op.getInput(),
            t.map({dy, op.getInput()}, [&](Numbers &n, ValueRange args) {
              return n.mul(args[0], emitSlope(n, op.getKind(), args[1]));
            }));
  return success();
}

/// The bounds themselves count as inside.
static LogicalResult reverseClamp(nn::ClampOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  double low = op.getLow().convertToDouble();
  double high = op.getHigh().convertToDouble();
  sweep.add(op.getInput(),
            t.map({dy, op.getInput()}, [&](Numbers &n, ValueRange args) {
              Value zero = n.f32(0);
              Value inside =
                  n.select(n.less(args[1], n.f32(low)), zero, args[0]);
              return n.select(n.less(n.f32(high), args[1]), zero, inside);
            }));
  return success();
}

void qnt::attachElementwiseRules(MLIRContext *context) {
  attachRule<nn::AddOp, reverseAdd>(context);
  attachRule<nn::MulOp, reverseMul>(context);
  attachRule<nn::ActivationOp, reverseActivation>(context);
  attachRule<nn::ClampOp, reverseClamp>(context);
}
