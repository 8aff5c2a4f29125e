//===- StoredWeights.cpp - weights that are quantised already ---*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "StoredWeights.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qnt;

static bool isStored(Value weight) {
  auto type = dyn_cast<QTensorType>(weight.getType());
  return type && !type.getLayout() &&
         weight.getDefiningOp<ml_program::GlobalLoadConstOp>();
}

Value qnt::getStoredWeight(Value weight) {
  auto dequantize = weight.getDefiningOp<DequantizeOp>();
  return dequantize && isStored(dequantize.getInput()) ? dequantize.getInput()
                                                       : Value();
}

/// The weight in f32.
static Value open(OpBuilder &builder, Value weight) {
  auto type = cast<QTensorType>(weight.getType());
  return DequantizeOp::create(
      builder, weight.getLoc(),
      RankedTensorType::get(type.getShape(), builder.getF32Type()), weight);
}

static bool hasAtMostBias(ArrayAttr epilogue) {
  return epilogue.empty() ||
         (epilogue.size() == 1 &&
          cast<EpilogueKindAttr>(epilogue[0]).getValue() == EpilogueKind::Bias);
}

void qnt::openStoredWeights(ModuleOp module) {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    if (isa<qnt::LinearOp, qnt::EmbeddingOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    OpBuilder builder(op);
    Operation *replacement = nullptr;
    if (auto embedding = dyn_cast<qnt::EmbeddingOp>(op)) {
      if (isStored(embedding.getTable()))
        replacement =
            nn::EmbeddingOp::create(builder, op->getLoc(), embedding.getIds(),
                                    open(builder, embedding.getTable()));
    } else {
      auto linear = cast<qnt::LinearOp>(op);
      if (isStored(linear.getWeight()) &&
          isa<RankedTensorType>(linear.getInput().getType()) &&
          hasAtMostBias(linear.getEpilogue()))
        replacement = nn::LinearOp::create(
            builder, op->getLoc(), linear.getInput(),
            open(builder, linear.getWeight()),
            linear.getExtra().empty() ? Value() : linear.getExtra().front());
    }
    if (!replacement)
      continue;
    op->replaceAllUsesWith(replacement);
    op->erase();
  }
}
