//===- Contractions.cpp - rules of linear layers and products -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Tensors.h"

using namespace mlir;
using namespace qnt;

/// y = x w^T + b: dx = dy w, dw = dy^T x, db = sum of dy, over all rows.
static LogicalResult reverseLinear(nn::LinearOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value rows = t.asRows(sweep.getCotangent(op.getResult()));
  if (sweep.isActive(op.getInput()))
    sweep.add(op.getInput(),
              t.asLike(t.matmul(rows, op.getWeight()), op.getInput()));
  if (sweep.isActive(op.getWeight()))
    sweep.add(op.getWeight(),
              t.matmul(t.transposeLast(rows), t.asRows(op.getInput())));
  if (op.getBias() && sweep.isActive(op.getBias()))
    sweep.add(op.getBias(), t.sumLeading(rows, 1));
  return success();
}

/// Sums over the leading dimensions that a product repeated `like` over.
static Value sumRepeated(Tensors &t, Value value, Value like) {
  value = t.sumLeading(value, cast<RankedTensorType>(like.getType()).getRank());
  auto type = cast<RankedTensorType>(value.getType());
  ArrayRef<int64_t> wanted = cast<RankedTensorType>(like.getType()).getShape();
  SmallVector<int64_t> kept, all;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    all.push_back(i);
    if (wanted[i] != 1 || type.getDimSize(i) == 1)
      kept.push_back(i);
  }
  if (kept.size() == all.size())
    return value;
  Value sum = t.nest(t.sizesOf(value), {{value, all}}, kept,
                     [](Numbers &, ValueRange args) { return args[0]; });
  return t.asLike(sum, like);
}

static LogicalResult reverseMatmul(nn::MatmulOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value dy = sweep.getCotangent(op.getResult());
  Value lhs = op.getLhs(), rhs = op.getRhs();
  bool transposed = op.getTransposed();
  if (sweep.isActive(lhs))
    sweep.add(lhs, sumRepeated(t, t.matmul(dy, rhs, !transposed), lhs));
  if (sweep.isActive(rhs)) {
    Value product = transposed ? t.matmul(t.transposeLast(dy), lhs)
                               : t.matmul(t.transposeLast(lhs), dy);
    sweep.add(rhs, sumRepeated(t, product, rhs));
  }
  return success();
}

void qnt::attachContractionRules(MLIRContext *context) {
  attachRule<nn::LinearOp, reverseLinear>(context);
  attachRule<nn::MatmulOp, reverseMatmul>(context);
}
