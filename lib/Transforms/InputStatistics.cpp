//===- InputStatistics.cpp - what the inputs of weights are like ---------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "InputStatistics.h"
#include "StatisticsTensors.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qnt;

static FailureOr<Value> load(OpBuilder &builder, Value weight, StringRef name,
                             ArrayRef<int64_t> shape, StringRef how) {
  auto module =
      builder.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (!module->hasAttr("qnt.statistics"))
    return emitError(weight.getLoc())
           << "qnt-quantize: " << describeParam(weight) << ": " << how
           << " first";
  return loadStatistic(builder, weight.getLoc(), module, name,
                       RankedTensorType::get(shape, builder.getF32Type()));
}

/// The inputs of one output.
static int64_t countInputs(Value weight) {
  auto shape = cast<RankedTensorType>(weight.getType()).getShape();
  return llvm::product_of(shape.drop_front());
}

FailureOr<Value> qnt::loadMoment(OpBuilder &builder, Value weight,
                                 StringRef site, int64_t groups) {
  int64_t inputs = countInputs(weight);
  SmallVector<int64_t> shape = {groups, inputs, inputs};
  return load(builder, weight, getSecondMomentName(site),
              ArrayRef(shape).drop_front(groups == 1 ? 1 : 0),
              "clip=output and rounding=gptq need second moments; run "
              "qnt-calibrate with tensors= and moments");
}

FailureOr<Value> qnt::createCorrectedBias(OpBuilder &builder, Value bias,
                                          Value weight, Value codes,
                                          int64_t groups, StringRef site) {
  auto mean = load(builder, weight, getChannelStatisticName(site, "mean"),
                   {groups * countInputs(weight)},
                   "correct-biases needs means of inputs; run qnt-calibrate "
                   "with tensors=");
  if (failed(mean))
    return failure();
  auto type = RankedTensorType::get(
      cast<RankedTensorType>(weight.getType()).getDimSize(0),
      builder.getF32Type());
  if (!bias)
    bias = arith::ConstantOp::create(builder, weight.getLoc(),
                                     DenseElementsAttr::get(type, 0.0f));
  return CorrectBiasOp::create(builder, weight.getLoc(), type, bias, weight,
                               codes, *mean)
      .getResult();
}
