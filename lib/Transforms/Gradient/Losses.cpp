//===- Losses.cpp - what gradients are of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Losses.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qnt;

std::optional<LossKind> qnt::parseLossKind(StringRef name) {
  return llvm::StringSwitch<std::optional<LossKind>>(name)
      .Case("cotangent", LossKind::Cotangent)
      .Case("cross_entropy", LossKind::CrossEntropy)
      .Case("squared_error", LossKind::SquaredError)
      .Case("kl", LossKind::KL)
      .Default(std::nullopt);
}

RankedTensorType qnt::getTargetType(LossKind kind, Type output) {
  auto type = dyn_cast<RankedTensorType>(output);
  bool hasRows = kind == LossKind::CrossEntropy || kind == LossKind::KL;
  if (!type || !type.getElementType().isF32() ||
      (hasRows && type.getRank() == 0))
    return {};
  if (kind != LossKind::CrossEntropy)
    return type;
  return RankedTensorType::get(type.getShape().drop_back(),
                               IntegerType::get(type.getContext(), 32));
}

namespace {
class LossEmitter {
public:
  LossEmitter(Tensors &t, Value output, Value target)
      : t(t), output(output), target(target) {}

  Loss emitCotangent();
  Loss emitCrossEntropy();
  Loss emitSquaredError();
  Loss emitKL();

private:
  /// `body` summed over all elements of both.
  Value sum(Value x, Value y, Tensors::Body body);
  /// log(sum(exp)) of each row of [R, V].
  Value logSumExp(Value rows);
  /// A number of elements.
  Value asNumber(Numbers &n, OpFoldResult count);

  Tensors &t;
  Value output, target;
};
} // namespace

Value LossEmitter::sum(Value x, Value y, Tensors::Body body) {
  Tensors::Sizes sizes = t.sizesOf(x);
  auto all = llvm::to_vector(llvm::seq<int64_t>(sizes.size()));
  return t.nest(sizes, {{x, all}, {y, all}}, {}, body);
}

Value LossEmitter::logSumExp(Value rows) {
  Tensors::Sizes sizes = t.sizesOf(rows);
  Value largest = t.nest(
      sizes, {{rows, {0, 1}}}, {0},
      [](Numbers &, ValueRange args) { return args[0]; }, LoopFold::Maximum);
  Value sums = t.nest(sizes, {{rows, {0, 1}}, {largest, {0}}}, {0},
                      [](Numbers &n, ValueRange args) {
                        return n.exp(n.sub(args[0], args[1]));
                      });
  return t.map({largest, sums}, [](Numbers &n, ValueRange args) {
    return n.add(args[0], math::LogOp::create(n.builder, n.loc, args[1]));
  });
}

Value LossEmitter::asNumber(Numbers &n, OpFoldResult count) {
  if (auto number = getConstantIntValue(count))
    return n.f32(double(*number));
  Value wide = arith::IndexCastOp::create(
      n.builder, n.loc, n.builder.getI64Type(), cast<Value>(count));
  return arith::SIToFPOp::create(n.builder, n.loc, n.builder.getF32Type(),
                                 wide);
}

Loss LossEmitter::emitCotangent() {
  Value value = sum(output, target, [](Numbers &n, ValueRange args) {
    return n.mul(args[0], args[1]);
  });
  return {value, target};
}

Loss LossEmitter::emitSquaredError() {
  OpFoldResult count = t.product(t.sizesOf(output));
  Value total = sum(output, target, [](Numbers &n, ValueRange args) {
    Value distance = n.sub(args[0], args[1]);
    return n.mul(distance, distance);
  });
  Value value = t.map({total}, [&](Numbers &n, ValueRange args) {
    return n.div(n.mul(n.f32(0.5), args[0]), asNumber(n, count));
  });
  Value cotangent = t.map({output, target}, [&](Numbers &n, ValueRange args) {
    return n.div(n.sub(args[0], args[1]), asNumber(n, count));
  });
  return {value, cotangent};
}

Loss LossEmitter::emitKL() {
  Value x = t.asRows(output), y = t.asRows(target);
  Tensors::Sizes sizes = t.sizesOf(x);
  Value p = nn::SoftmaxOp::create(t.builder, t.loc, x);
  Value q = nn::SoftmaxOp::create(t.builder, t.loc, y);
  SmallVector<int64_t> all{0, 1};
  Value total = t.nest(
      sizes,
      {{x, all}, {y, all}, {q, all}, {logSumExp(x), {0}}, {logSumExp(y), {0}}},
      {}, [](Numbers &n, ValueRange args) {
        Value logP = n.sub(args[0], args[3]), logQ = n.sub(args[1], args[4]);
        return n.mul(args[2], n.sub(logQ, logP));
      });
  Value value = t.map({total}, [&](Numbers &n, ValueRange args) {
    return n.div(args[0], asNumber(n, sizes[0]));
  });
  Value cotangent = t.map({p, q}, [&](Numbers &n, ValueRange args) {
    return n.div(n.sub(args[0], args[1]), asNumber(n, sizes[0]));
  });
  return {value, t.asLike(cotangent, output)};
}

Loss LossEmitter::emitCrossEntropy() {
  Value x = t.asRows(output);
  Tensors::Sizes sizes = t.sizesOf(x);
  Value labels = t.reshape(target, {sizes[0]});
  auto counts = [](Numbers &n, Value label) -> Value {
    Value zero = arith::ConstantIntOp::create(n.builder, n.loc, 0, 32);
    return arith::CmpIOp::create(n.builder, n.loc, arith::CmpIPredicate::sge,
                                 label, zero);
  };
  auto indexOf = [](Numbers &n, Value label) -> Value {
    return arith::IndexCastOp::create(n.builder, n.loc,
                                      n.builder.getIndexType(), label);
  };
  // Where nothing counts the loss is zero.
  Value counted =
      t.nest({sizes[0]}, {{labels, {0}}}, {}, [&](Numbers &n, ValueRange args) {
        return n.where(counts(n, args[0]), n.f32(1));
      });
  Value share = t.map({counted}, [](Numbers &n, ValueRange args) {
    Value least = n.f32(1);
    Value number = n.select(n.less(args[0], least), least, args[0]);
    return n.div(least, number);
  });
  Value logs = logSumExp(x);
  Value total =
      t.nest({sizes[0]}, {{labels, {0}}, {logs, {0}}}, {},
             [&](Numbers &n, ValueRange args) {
               Value place = arith::MaxSIOp::create(
                   n.builder, n.loc, indexOf(n, args[0]), n.index(0));
               Value logit = tensor::ExtractOp::create(
                   n.builder, n.loc, x, ValueRange{n.loop(0), place});
               return n.where(counts(n, args[0]), n.sub(args[1], logit));
             });
  Value value = t.map({total, share}, [](Numbers &n, ValueRange args) {
    return n.mul(args[0], args[1]);
  });
  Value p = nn::SoftmaxOp::create(t.builder, t.loc, x);
  Value cotangent =
      t.nest(sizes, {{p, {0, 1}}, {labels, {0}}, {share, {}}}, {0, 1},
             [&](Numbers &n, ValueRange args) {
               Value isLabel = arith::CmpIOp::create(
                   n.builder, n.loc, arith::CmpIPredicate::eq, n.loop(1),
                   indexOf(n, args[1]));
               Value slope = n.sub(args[0], n.where(isLabel, n.f32(1)));
               return n.where(counts(n, args[1]), n.mul(slope, args[2]));
             });
  return {value, t.asLike(cotangent, output)};
}

Loss qnt::emitLoss(Tensors &t, LossKind kind, Value output, Value target) {
  LossEmitter emitter(t, output, target);
  switch (kind) {
  case LossKind::Cotangent:
    return emitter.emitCotangent();
  case LossKind::CrossEntropy:
    return emitter.emitCrossEntropy();
  case LossKind::SquaredError:
    return emitter.emitSquaredError();
  case LossKind::KL:
    return emitter.emitKL();
  }
  llvm_unreachable("unknown loss");
}
