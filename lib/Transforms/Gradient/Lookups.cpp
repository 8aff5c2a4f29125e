//===- Lookups.cpp - rules of lookups and pooled rows -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Tensors.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;

/// A truth as a number.
static Value asNumber(Numbers &n, Value truth) {
  return n.where(truth, n.f32(1));
}

static Value equals(Numbers &n, Value x, Value y) {
  return arith::CmpIOp::create(n.builder, n.loc, arith::CmpIPredicate::eq, x,
                               y);
}

static Value loopAsId(Numbers &n, int64_t loop) {
  return arith::IndexCastOp::create(n.builder, n.loc, n.builder.getI32Type(),
                                    n.loop(loop));
}

/// dtable = (ids == row)^T dy.
static LogicalResult reverseEmbedding(nn::EmbeddingOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = t.asRows(sweep.getCotangent(op.getResult()));
  Tensors::Sizes rows = t.sizesOf(dy), table = t.sizesOf(op.getTable());
  Tensors::Sizes idSizes = t.sizesOf(op.getIds());
  int64_t rank = idSizes.size();
  Tensors::Sizes loops{table[0]};
  loops.append(idSizes);
  auto order = llvm::to_vector(llvm::seq<int64_t>(rank + 1));
  Value chosen = t.nest(
      loops, {{op.getIds(), llvm::to_vector(ArrayRef(order).drop_front())}},
      order, [](Numbers &n, ValueRange args) {
        return asNumber(n, equals(n, args[0], loopAsId(n, 0)));
      });
  chosen = t.reshape(chosen, {table[0], rows[0]});
  sweep.add(op.getTable(), t.matmul(chosen, dy));
  return success();
}

static LogicalResult reverseSelectRows(nn::SelectRowsOp op,
                                       ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  Tensors::Sizes sizes = t.sizesOf(op.getInput());
  SmallVector<Tensors::Operand> operands{{dy, {0, 2}}};
  // The last row where none is asked for.
  Value last;
  if (op.getRows())
    operands.push_back({op.getRows(), {0}});
  else
    last = arith::SubIOp::create(t.builder, t.loc, t.asValue(sizes[1]),
                                 t.asValue(t.size(1)));
  Value dx =
      t.nest(sizes, operands, {0, 1, 2}, [&](Numbers &n, ValueRange args) {
        Value isChosen = last ? equals(n, n.loop(1), last)
                              : equals(n, loopAsId(n, 1), args[1]);
        return n.where(isChosen, args[0]);
      });
  sweep.add(op.getInput(), dx);
  return success();
}

static LogicalResult reverseMeanPool(nn::MeanPoolOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  Value dx = t.nest(
      t.sizesOf(op.getInput()), {{dy, {0, 2}}, {op.getLengths(), {0}}},
      {0, 1, 2}, [&](Numbers &n, ValueRange args) {
        Value length = arith::SIToFPOp::create(n.builder, n.loc,
                                               n.builder.getF32Type(), args[1]);
        return n.where(n.less(loopAsId(n, 1), args[1]), n.div(args[0], length));
      });
  sweep.add(op.getInput(), dx);
  return success();
}

/// dx[k] = sum of dy[m] where indices[m] == k.
static LogicalResult reverseSelectFeatures(nn::SelectFeaturesOp op,
                                           ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  Tensors::Sizes sizes = t.sizesOf(op.getInput());
  int64_t features = op.getInput().getType().getShape().back();
  int64_t chosen = op.getType().getShape().back();
  Value isChosen =
      t.nest({t.size(chosen), t.size(features)}, {{op.getIndices(), {0}}},
             {0, 1}, [](Numbers &n, ValueRange args) {
               return asNumber(n, equals(n, args[0], loopAsId(n, 1)));
             });
  Value rows =
      t.reshape(dy, {t.product(ArrayRef(sizes).drop_back()), t.size(chosen)});
  sweep.add(op.getInput(), t.asLike(t.matmul(rows, isChosen), op.getInput()));
  return success();
}

void qnt::attachLookupRules(MLIRContext *context) {
  attachRule<nn::EmbeddingOp, reverseEmbedding>(context);
  attachRule<nn::SelectRowsOp, reverseSelectRows>(context);
  attachRule<nn::MeanPoolOp, reverseMeanPool>(context);
  attachRule<nn::SelectFeaturesOp, reverseSelectFeatures>(context);
}
