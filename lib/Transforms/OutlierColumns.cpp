//===- OutlierColumns.cpp - columns of weights in 16 bits -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "OutlierColumns.h"

#include "ParamStorage.h"
#include "StatisticsTensors.h"

#include "qnt/Analysis/ParamExpressions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;
using namespace qnt;

std::optional<WeightFormatName> qnt::parseWeightFormatName(StringRef name) {
  auto [codes, columns] = name.split('+');
  WeightFormatName result{codes};
  if (codes.size() < name.size() &&
      (columns.getAsInteger(10, result.columns) || result.columns < 1))
    return std::nullopt;
  return result;
}

SmallVector<int32_t> qnt::findLargest(ArrayRef<float> numbers, int64_t count) {
  SmallVector<int32_t> order(numbers.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int32_t a, int32_t b) {
    return std::pair(-numbers[a], a) < std::pair(-numbers[b], b);
  });
  order.truncate(count);
  llvm::sort(order);
  return order;
}

static int64_t countInputs(nn::LinearOp layer) {
  return cast<RankedTensorType>(layer.getWeight().getType()).getDimSize(1);
}

FailureOr<OutlierColumns>
OutlierColumns::choose(nn::LinearOp layer, StringRef site, int64_t count,
                       const params::ParamStore *statistics) {
  std::string weight = describeParam(layer.getWeight());
  int64_t inputs = countInputs(layer);
  if (count >= inputs)
    return layer.emitError("qnt-quantize: ")
           << weight << ": " << count << " columns in 16 bits: expected fewer "
           << "than the layer's " << inputs << " inputs";
  if (!statistics)
    return layer.emitError("qnt-quantize: ")
           << weight << ": columns in 16 bits are chosen by second moments; "
           << "run qnt-calibrate with tensors= and moments first";
  std::string name = getSecondMomentName(site);
  auto type = RankedTensorType::get({inputs, inputs},
                                    Float32Type::get(layer.getContext()));
  checkStoredTensors(*statistics, type, name);
  std::vector<float> moment = loadFloats(*statistics, name, 0, inputs * inputs);
  SmallVector<float> diagonal;
  for (int64_t i = 0; i < inputs; ++i)
    diagonal.push_back(moment[i * inputs + i]);
  OutlierColumns made;
  made.columns = findLargest(diagonal, count);
  return made;
}

/// [K] of f32, one number for the columns and 1 less it for the others.
Value OutlierColumns::createMask(OpBuilder &builder, nn::LinearOp layer,
                                 float ofColumns) {
  SmallVector<float> mask(countInputs(layer), 1 - ofColumns);
  for (int32_t column : columns)
    mask[column] = ofColumns;
  auto type = RankedTensorType::get(int64_t(mask.size()), builder.getF32Type());
  return arith::ConstantOp::create(
      builder, layer.getWeight().getLoc(),
      DenseElementsAttr::get(type, ArrayRef<float>(mask)));
}

void OutlierColumns::leaveRest(OpBuilder &builder, nn::LinearOp layer) {
  Value weight = layer.getWeight();
  layer.getWeightMutable().assign(
      nn::MulOp::create(builder, weight.getLoc(), weight.getType(), weight,
                        createMask(builder, layer, 0)));
}

/// In bf16, without scales.
static Value roundToHalf(OpBuilder &builder, Value weight) {
  MLIRContext *context = builder.getContext();
  auto type = QTensorType::get(
      context, cast<RankedTensorType>(weight.getType()).getShape(),
      parseFormat("bf16", context),
      BlockAttr::get(context, BlockKind::Unscaled, 0), Type(), ZeroKind::None,
      Attribute());
  return QuantizeOp::create(builder, weight.getLoc(), type, weight, Value(),
                            Value());
}

Value OutlierColumns::split(OpBuilder &builder, nn::LinearOp layer) {
  Value weight = layer.getWeight();
  auto loc = NameLoc::get(
      builder.getStringAttr(getLocationName(layer.getLoc()) + ".outliers"));
  auto type =
      RankedTensorType::get(int64_t(columns.size()), builder.getI32Type());
  Value indices = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(columns)));
  Value input =
      nn::SelectFeaturesOp::create(builder, loc, layer.getInput(), indices);
  Value selected =
      nn::SelectFeaturesOp::create(builder, weight.getLoc(), weight, indices);
  leaveRest(builder, layer);
  return LinearOp::create(builder, loc, input, roundToHalf(builder, selected),
                          ValueRange(), builder.getArrayAttr({}), Strategy());
}

Value OutlierColumns::splitSimulated(OpBuilder &builder, nn::LinearOp layer) {
  Value weight = layer.getWeight();
  Location loc = weight.getLoc();
  Value kept = nn::MulOp::create(builder, loc, weight.getType(), weight,
                                 createMask(builder, layer, 1));
  leaveRest(builder, layer);
  return DequantizeOp::create(builder, loc, weight.getType(),
                              roundToHalf(builder, kept));
}

Value qnt::getSimulatedWeight(Value simulated) {
  auto sum = simulated.getDefiningOp<nn::AddOp>();
  auto decoded =
      (sum ? sum->getOperand(0) : simulated).getDefiningOp<DequantizeOp>();
  auto codes =
      decoded ? decoded.getInput().getDefiningOp<QuantizeOp>() : QuantizeOp();
  if (!codes || !sum)
    return codes ? codes.getInput() : Value();
  auto masked = codes.getInput().getDefiningOp<nn::MulOp>();
  return masked ? masked->getOperand(0) : Value();
}
