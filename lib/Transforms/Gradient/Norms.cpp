//===- Norms.cpp - rules of norms and softmax -*- C++ -*-===//
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
/// Sums over the rows [R, F] of values.
class RowSums {
public:
  RowSums(Tensors &t, ArrayRef<OpFoldResult> sizes) : t(t), sizes(sizes) {}

  /// Of `body` over each row. `values` are [R, F], [R] or, where `features`
  /// names them, [F].
  Value overRow(ValueRange values, Tensors::Body body) {
    return t.nest(sizes, operands(values), {0}, body);
  }
  /// Of `body` over all rows, for each feature.
  Value overRows(ValueRange values, Tensors::Body body) {
    return t.nest(sizes, operands(values), {1}, body);
  }
  Value each(ValueRange values, Tensors::Body body) {
    return t.nest(sizes, operands(values), {0, 1}, body);
  }
  /// Says that `value`, [F], holds a number for each feature.
  void addFeatures(Value value) { features.insert(value); }

private:
  SmallVector<Tensors::Operand> operands(ValueRange values) {
    SmallVector<Tensors::Operand> list;
    for (Value value : values) {
      if (cast<RankedTensorType>(value.getType()).getRank() == 2)
        list.push_back({value, {0, 1}});
      else
        list.push_back({value, {features.contains(value) ? 1 : 0}});
    }
    return list;
  }

  Tensors &t;
  Tensors::Sizes sizes;
  llvm::DenseSet<Value> features;
};
} // namespace

/// With r = 1 / sqrt(mean(x^2) + eps) and u = scale dy:
/// dx = r u - r^3 mean(x u) x, dscale = sum of dy x r.
static LogicalResult reverseRMSNorm(nn::RMSNormOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Tensors::Sizes sizes = t.sizesOf(op.getInput());
  int64_t groups = op.getGroups();
  int64_t features = op.getType().getShape().back() / groups;
  sizes.back() = t.size(groups);
  Tensors::Sizes rows{t.product(sizes), t.size(features)};
  Value x = t.reshape(op.getInput(), rows);
  Value dy = t.reshape(sweep.getCotangent(op.getResult()), rows);
  Value scale = op.getScale();
  RowSums sums(t, rows);
  sums.addFeatures(scale);
  double eps = op.getEps().convertToDouble();
  Value squares = sums.overRow(
      {x}, [](Numbers &n, ValueRange args) { return n.mul(args[0], args[0]); });
  Value inverse = t.map({squares}, [&](Numbers &n, ValueRange args) {
    Value mean = n.div(args[0], n.f32(double(features)));
    return n.div(n.f32(1), n.sqrt(n.add(mean, n.f32(eps))));
  });
  if (sweep.isActive(op.getInput())) {
    Value products =
        sums.overRow({x, dy, scale}, [](Numbers &n, ValueRange args) {
          return n.mul(args[0], n.mul(args[1], args[2]));
        });
    Value dx = sums.each(
        {x, dy, scale, inverse, products}, [&](Numbers &n, ValueRange args) {
          Value r = args[3];
          Value mean = n.div(args[4], n.f32(double(features)));
          Value pull = n.mul(n.mul(n.mul(r, r), mean), args[0]);
          return n.mul(r, n.sub(n.mul(args[1], args[2]), pull));
        });
    sweep.add(op.getInput(), t.asLike(dx, op.getInput()));
  }
  if (sweep.isActive(scale))
    sweep.add(scale,
              sums.overRows({x, dy, inverse}, [](Numbers &n, ValueRange args) {
                return n.mul(n.mul(args[0], args[1]), args[2]);
              }));
  return success();
}

/// With r = 1 / sqrt(var(x) + eps), z = r (x - mean(x)) and u = scale dy:
/// dx = r (u - mean(u) - mean(u z) z), dscale = sum of dy z, dshift = sum of
/// dy.
static LogicalResult reverseLayerNorm(nn::LayerNormOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value x = t.asRows(op.getInput());
  Value dy = t.asRows(sweep.getCotangent(op.getResult()));
  Value scale = op.getScale();
  RowSums sums(t, t.sizesOf(x));
  sums.addFeatures(scale);
  double features = op.getType().getShape().back();
  double eps = op.getEps().convertToDouble();
  Value total =
      sums.overRow({x}, [](Numbers &, ValueRange args) { return args[0]; });
  auto meanOf = [&](Numbers &n, Value sum) {
    return n.div(sum, n.f32(features));
  };
  Value squares = sums.overRow({x, total}, [&](Numbers &n, ValueRange args) {
    Value distance = n.sub(args[0], meanOf(n, args[1]));
    return n.mul(distance, distance);
  });
  Value inverse = t.map({squares}, [&](Numbers &n, ValueRange args) {
    return n.div(n.f32(1), n.sqrt(n.add(meanOf(n, args[0]), n.f32(eps))));
  });
  Value z = sums.each({x, total, inverse}, [&](Numbers &n, ValueRange args) {
    return n.mul(n.sub(args[0], meanOf(n, args[1])), args[2]);
  });
  if (sweep.isActive(op.getInput())) {
    Value pulls = sums.overRow({dy, scale}, [](Numbers &n, ValueRange args) {
      return n.mul(args[0], args[1]);
    });
    Value products =
        sums.overRow({dy, scale, z}, [](Numbers &n, ValueRange args) {
          return n.mul(n.mul(args[0], args[1]), args[2]);
        });
    Value dx = sums.each({dy, scale, z, inverse, pulls, products},
                         [&](Numbers &n, ValueRange args) {
                           Value u = n.sub(n.mul(args[0], args[1]),
                                           meanOf(n, args[4]));
                           Value pull = n.mul(meanOf(n, args[5]), args[2]);
                           return n.mul(args[3], n.sub(u, pull));
                         });
    sweep.add(op.getInput(), t.asLike(dx, op.getInput()));
  }
  if (sweep.isActive(scale))
    sweep.add(scale, sums.overRows({dy, z}, [](Numbers &n, ValueRange args) {
      return n.mul(args[0], args[1]);
    }));
  if (sweep.isActive(op.getShift()))
    sweep.add(op.getShift(), t.sumLeading(dy, 1));
  return success();
}

/// dx = y (dy - sum(y dy)).
static LogicalResult reverseSoftmax(nn::SoftmaxOp op, ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value y = t.asRows(op.getResult());
  Value dy = t.asRows(sweep.getCotangent(op.getResult()));
  RowSums sums(t, t.sizesOf(y));
  Value products = sums.overRow({y, dy}, [](Numbers &n, ValueRange args) {
    return n.mul(args[0], args[1]);
  });
  Value dx = sums.each({y, dy, products}, [](Numbers &n, ValueRange args) {
    return n.mul(args[0], n.sub(args[1], args[2]));
  });
  sweep.add(op.getInput(), t.asLike(dx, op.getInput()));
  return success();
}

/// dx = (dy - sum(y dy) y) / |x|; rows that are all but zero are divided by
/// 1e-12, and dx = dy / 1e-12.
static LogicalResult reverseL2Normalize(nn::L2NormalizeOp op,
                                        ReverseSweep &sweep) {
  Tensors t(sweep.getBuilder(), op.getLoc());
  Value x = t.asRows(op.getInput()), y = t.asRows(op.getResult());
  Value dy = t.asRows(sweep.getCotangent(op.getResult()));
  RowSums sums(t, t.sizesOf(y));
  auto multiply = [](Numbers &n, ValueRange args) {
    return n.mul(args[0], args[1]);
  };
  Value squares = sums.overRow({x, x}, multiply);
  Value products = sums.overRow({y, dy}, multiply);
  Value dx =
      sums.each({y, dy, products, squares}, [](Numbers &n, ValueRange args) {
        Value length = n.sqrt(args[3]), least = n.f32(1e-12);
        Value isLong = n.less(least, length);
        Value pull = n.where(isLong, n.mul(args[2], args[0]));
        return n.div(n.sub(args[1], pull), n.select(isLong, length, least));
      });
  sweep.add(op.getInput(), t.asLike(dx, op.getInput()));
  return success();
}

void qnt::attachNormRules(MLIRContext *context) {
  attachRule<nn::RMSNormOp, reverseRMSNorm>(context);
  attachRule<nn::LayerNormOp, reverseLayerNorm>(context);
  attachRule<nn::SoftmaxOp, reverseSoftmax>(context);
  attachRule<nn::L2NormalizeOp, reverseL2Normalize>(context);
}
