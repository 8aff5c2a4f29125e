//===- Attention.cpp - rules of attention and rope -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Tensors.h"

using namespace mlir;
using namespace qnt;

namespace {
/// The products behind an attention without a cache. Query heads that share a
/// key head are rows of one matrix: queries are [B, heads of keys, heads of
/// each
/// * T, D], keys and values [B, heads of keys, T, D].
class AttentionReverse {
public:
  AttentionReverse(nn::AttentionOp op, ReverseSweep &sweep)
      : op(op), sweep(sweep), t(sweep.getBuilder(), op.getLoc()) {
    Tensors::Sizes query = t.sizesOf(op.getQuery());
    batch = query[0];
    tokens = query[1];
    kvHeads = t.size(op.getKvHeads());
    shared = t.size(op.getHeads() / op.getKvHeads());
    features = t.size(op.getHeadDim());
  }

  void run();

private:
  Tensors::Sizes scoreSizes() {
    return {batch, kvHeads, shared, tokens, tokens};
  }
  /// [B, T, heads * D] as a matrix for each head of keys, and back.
  Value split(Value value) {
    value = t.reshape(value, {batch, tokens, kvHeads, shared, features});
    value = t.transpose(value, {0, 2, 3, 1, 4});
    return t.reshape(value,
                     {batch, kvHeads, t.product({shared, tokens}), features});
  }
  Value join(Value value) {
    value = t.reshape(value, {batch, kvHeads, shared, tokens, features});
    return t.asLike(t.transpose(value, {0, 3, 1, 2, 4}), op.getQuery());
  }
  Value splitKeys(Value value) {
    value = t.reshape(value, {batch, tokens, kvHeads, features});
    return t.transpose(value, {0, 2, 1, 3});
  }
  Value joinKeys(Value value) {
    return t.asLike(t.transpose(value, {0, 2, 1, 3}), op.getKey());
  }
  Value asMatrices(Value scores) {
    return t.reshape(scores,
                     {batch, kvHeads, t.product({shared, tokens}), tokens});
  }
  /// `scores` where a token attends, `other` elsewhere.
  Value mask(Value scores, double factor, double other);
  Value emitWeights(Value queries, Value keys);

  nn::AttentionOp op;
  ReverseSweep &sweep;
  Tensors t;
  OpFoldResult batch, tokens, kvHeads, shared, features;
};
} // namespace

Value AttentionReverse::mask(Value scores, double factor, double other) {
  SmallVector<Tensors::Operand> operands{{scores, {0, 1, 2, 3, 4}}};
  if (op.getLengths())
    operands.push_back({op.getLengths(), {0}});
  return t.nest(
      scoreSizes(), operands, {0, 1, 2, 3, 4},
      [&](Numbers &n, ValueRange args) {
        Value value = n.mul(args[0], n.f32(factor)), rest = n.f32(other);
        Value query = n.loop(3), key = n.loop(4);
        if (op.getCausal())
          value = n.select(n.less(query, key), rest, value);
        if (op.getWindow()) {
          Value last = arith::AddIOp::create(
              n.builder, n.loc, key, n.index(int64_t(*op.getWindow()) - 1));
          value = n.select(n.less(last, query), rest, value);
        }
        if (op.getLengths()) {
          Value length = arith::IndexCastOp::create(
              n.builder, n.loc, n.builder.getIndexType(), args[1]);
          value = n.select(n.less(key, length), value, rest);
        }
        return value;
      });
}

/// softmax(scale q k^T), zeros where a token does not attend: a row of nothing
/// else has uniform weights before that.
Value AttentionReverse::emitWeights(Value queries, Value keys) {
  Value scores = t.reshape(t.matmul(queries, keys, true), scoreSizes());
  scores = mask(scores, op.getScale().convertToDouble(), -1e30);
  Value weights = nn::SoftmaxOp::create(t.builder, t.loc, scores);
  return op.getLengths() ? mask(weights, 1, 0) : weights;
}

/// With p the weights and dp = dy v^T: dv = p^T dy, ds = p (dp - sum(p dp)),
/// dq = scale ds k, dk = scale ds^T q.
void AttentionReverse::run() {
  Value queries = split(op.getQuery()), keys = splitKeys(op.getKey());
  Value dy = split(sweep.getCotangent(op.getResult()));
  Value weights = emitWeights(queries, keys);
  if (sweep.isActive(op.getValue())) {
    Value product = t.matmul(t.transposeLast(asMatrices(weights)), dy);
    sweep.add(op.getValue(), joinKeys(product));
  }
  bool wantsQuery = sweep.isActive(op.getQuery());
  bool wantsKey = sweep.isActive(op.getKey());
  if (!wantsQuery && !wantsKey)
    return;
  Value slopes = t.matmul(dy, splitKeys(op.getValue()), true);
  weights = asMatrices(weights);
  Tensors::Sizes sizes = t.sizesOf(weights);
  SmallVector<int64_t> all{0, 1, 2, 3}, row{0, 1, 2};
  Value sums = t.nest(
      sizes, {{weights, all}, {slopes, all}}, row,
      [](Numbers &n, ValueRange args) { return n.mul(args[0], args[1]); });
  double scale = op.getScale().convertToDouble();
  Value ds = t.nest(sizes, {{weights, all}, {slopes, all}, {sums, row}}, all,
                    [&](Numbers &n, ValueRange args) {
                      return n.mul(n.mul(args[0], n.f32(scale)),
                                   n.sub(args[1], args[2]));
                    });
  if (wantsQuery)
    sweep.add(op.getQuery(), join(t.matmul(ds, keys)));
  if (wantsKey)
    sweep.add(op.getKey(), joinKeys(t.matmul(t.transposeLast(ds), queries)));
}

static LogicalResult reverseAttention(nn::AttentionOp op, ReverseSweep &sweep) {
  if (op.getCache())
    return op.emitOpError("has no rule for its gradient with a cache");
  AttentionReverse(op, sweep).run();
  return success();
}

/// Turned back: by the table with negated sines.
static LogicalResult reverseRope(nn::RopeOp op, ReverseSweep &sweep) {
  if (sweep.isActive(op.getTable()))
    return op.emitOpError("has no rule for the gradient of its table");
  Tensors t(sweep.getBuilder(), op.getLoc());
  int64_t half = op.getTable().getType().getShape().back() / 2;
  Value table = t.map({op.getTable()}, [&](Numbers &n, ValueRange args) {
    return n.select(n.less(n.loop(2), n.index(half)), args[0], n.neg(args[0]));
  });
  Value turned = nn::RopeOp::create(t.builder, t.loc, op.getType(),
                                    sweep.getCotangent(op.getResult()), table,
                                    op.getHeadsAttr(), op.getInterleavedAttr());
  sweep.add(op.getInput(), turned);
  return success();
}

void qnt::attachAttentionRules(MLIRContext *context) {
  attachRule<nn::AttentionOp, reverseAttention>(context);
  attachRule<nn::RopeOp, reverseRope>(context);
}
