//===- LowRankBranch.cpp - what quantised weights lack ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LowRankBranch.h"

#include "qnt/Analysis/ParamExpressions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qnt;

/// weight - codes, an expression.
static Value createError(OpBuilder &builder, Value weight, Value codes) {
  Location loc = weight.getLoc();
  Value decoded = DequantizeOp::create(builder, loc, weight.getType(), codes);
  auto scalar = RankedTensorType::get({}, builder.getF32Type());
  Value minusOne = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(scalar, -1.0f));
  Value negated =
      nn::MulOp::create(builder, loc, weight.getType(), decoded, minusOne);
  return nn::AddOp::create(builder, loc, weight.getType(), weight, negated);
}

FailureOr<Value> qnt::createLowRankBranch(OpBuilder &builder,
                                          nn::LinearOp layer, Value codes,
                                          Value moment, int64_t rank) {
  Value weight = layer.getWeight();
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t outputs = type.getDimSize(0), inputs = type.getDimSize(1);
  if (rank >= std::min(outputs, inputs))
    return layer.emitError("qnt-quantize: low-rank=")
           << rank << ": expected less than the " << inputs << " inputs and "
           << outputs << " outputs of the layer";
  MLIRContext *context = builder.getContext();
  auto getFactorType = [&](int64_t rows, int64_t columns) {
    return RankedTensorType::get({rows, columns}, builder.getF32Type());
  };
  auto factors = LowRankOp::create(
      builder, weight.getLoc(), getFactorType(outputs, rank),
      getFactorType(rank, inputs), createError(builder, weight, codes), moment);
  Value value = layer.getInput();
  for (auto [factor, name] : {std::pair(factors.getRight(), ".low_rank.in"),
                              std::pair(factors.getLeft(), ".low_rank.out")}) {
    auto stored = QTensorType::get(
        context, factor.getType().getShape(), parseFormat("bf16", context),
        BlockAttr::get(context, BlockKind::Unscaled, 0), Type(), ZeroKind::None,
        Attribute());
    Value half = QuantizeOp::create(builder, weight.getLoc(), stored, factor,
                                    Value(), Value());
    auto loc = NameLoc::get(
        builder.getStringAttr(getLocationName(layer.getLoc()) + name));
    value = LinearOp::create(builder, loc, value, half, ValueRange(),
                             builder.getArrayAttr({}), Strategy());
  }
  return value;
}
