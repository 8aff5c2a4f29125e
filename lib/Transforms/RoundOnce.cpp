//===- RoundOnce.cpp - codes by one multiplication of sums ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodePatterns.h"

#include "qnt/Transforms/Passes.h"

#include "mlir/IR/Builders.h"

namespace qnt {
#define GEN_PASS_DEF_ROUNDONCE
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

static bool isPerTensor(Value value) {
  auto type = dyn_cast<QTensorType>(value.getType());
  return type && type.isInteger() && !type.hasOffsets() &&
         type.getBlock().getKind() == BlockKind::PerTensor;
}

/// The kinds of an epilogue's steps.
static SmallVector<EpilogueKind> getKinds(EpilogueOp op) {
  return llvm::map_to_vector(op.getEpilogue(), [](Attribute step) {
    return cast<EpilogueKindAttr>(step).getValue();
  });
}

/// A sum of two images of codes without a contraction before it.
static bool replaceSum(AveragePoolOp op) {
  EpilogueOp epilogue(op);
  bool isPixel = llvm::all_of(op.getKernel(), [](int64_t n) { return n == 1; });
  if (!isPixel ||
      getKinds(epilogue) !=
          SmallVector<EpilogueKind>{EpilogueKind::Add, EpilogueKind::Quantize})
    return false;
  Value addend = op.getExtra()[0];
  if (!isPerTensor(addend) || op.getStrides() != ArrayRef<int64_t>{1, 1})
    return false;
  OpBuilder builder(op);
  CodeScales scales = *findScales(op.getResult());
  Value sum = AddOp::create(builder, op.getLoc(), op.getResult().getType(),
                            op.getInput(), addend, scales.scale, scales.zero);
  op.getResult().replaceAllUsesWith(sum);
  op.erase();
  return true;
}

/// Whether sums of products by `weight`, which may be null, have a scale that
/// is the product of both.
static bool hasSumScales(Value weight) {
  if (!weight)
    return true;
  auto type = cast<QTensorType>(weight.getType());
  BlockKind block = type.getBlock().getKind();
  return type.isInteger() && !type.hasOffsets() &&
         (block == BlockKind::PerChannel || block == BlockKind::PerTensor);
}

static void roundOnce(EpilogueOp op) {
  SmallVector<EpilogueKind> kinds = getKinds(op);
  if (kinds.empty() || kinds.back() != EpilogueKind::Quantize ||
      !isPerTensor(op->getOperand(0)) || !hasSumScales(getWeight(op)))
    return;
  Builder builder(op.getContext());
  SmallVector<Attribute> steps;
  SmallVector<Value> extra(op.getExtra());
  auto append = [&](EpilogueKind kind) {
    steps.push_back(EpilogueKindAttr::get(op.getContext(), kind));
  };
  for (EpilogueKind kind : ArrayRef(kinds).drop_back()) {
    if (kind == EpilogueKind::Bias && steps.empty()) {
      extra[0] = findSumBias(op, extra[0]);
      if (!extra[0])
        return;
      append(EpilogueKind::IntBias);
    } else if (kind == EpilogueKind::Relu) {
      append(kind);
    } else {
      return;
    }
  }
  append(EpilogueKind::RequantizeF32);
  size_t first = op->getNumOperands() - extra.size();
  for (auto [i, value] : llvm::enumerate(extra))
    op->setOperand(first + i, value);
  op->setAttr("epilogue", builder.getArrayAttr(steps));
}

namespace {
class RoundOncePass : public qnt::impl::RoundOnceBase<RoundOncePass> {
public:
  using RoundOnceBase::RoundOnceBase;

  void runOnOperation() override {
    SmallVector<EpilogueOp> contractions;
    getOperation()->walk([&](EpilogueOp op) { contractions.push_back(op); });
    for (EpilogueOp op : contractions) {
      auto pool = dyn_cast<AveragePoolOp>(*op);
      if (!pool || !replaceSum(pool))
        roundOnce(op);
    }
  }
};
} // namespace
