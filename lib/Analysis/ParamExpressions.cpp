//===- ParamExpressions.cpp - values known once parameters are -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ParamExpressions.h"

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

#include <map>

using namespace mlir;
using namespace qnt;

static bool hasStaticShape(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.hasStaticShape();
  if (auto quantized = dyn_cast<QTensorType>(type))
    return quantized.hasStaticShape();
  return false;
}

bool qnt::isParamExpressionOp(Operation *op) {
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return linear.getType().getRank() == 1;
  return isa<ml_program::GlobalLoadConstOp, arith::ConstantOp, arith::ExtFOp,
             arith::TruncFOp, nn::AddOp, nn::MulOp, nn::ScaleRowsOp,
             nn::SelectFeaturesOp, RotateOp, QuantizeOp, DequantizeOp, PackOp,
             ScalesOp, QuantizeBiasOp, DequantizeBiasOp, CorrectBiasOp,
             DyadicShiftOp, DyadicOp, LowRankOp>(op);
}

bool qnt::isParamExpression(Value value) {
  Operation *op = value.getDefiningOp();
  return op && isParamExpressionOp(op) && hasStaticShape(value.getType()) &&
         llvm::all_of(op->getOperands(), isParamExpression);
}

ml_program::GlobalLoadConstOp qnt::getSourceLoad(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op))
    return load;
  // A bias made of beta and a weight is the bias's tensor first.
  if (auto linear = dyn_cast<nn::LinearOp>(op); linear && linear.getBias())
    if (auto load = getSourceLoad(linear.getBias()))
      return load;
  for (Value operand : op->getOperands())
    if (auto load = getSourceLoad(operand))
      return load;
  return {};
}

StringRef qnt::getParamName(Value value) {
  if (auto load = getSourceLoad(value))
    return load.getGlobal().getLeafReference();
  return {};
}

StringRef qnt::getLocationName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (StringRef name = getLocationName(part); !name.empty())
        return name;
  return {};
}

std::string qnt::describeParam(Value value) {
  StringRef name = getParamName(value);
  if (name.empty())
    name = getLocationName(value.getLoc());
  return name.empty() ? "an unnamed tensor" : "'" + name.str() + "'";
}

namespace {
/// Gives equal expressions equal numbers.
class Numbering {
public:
  /// The number of a parameter expression, 0 for other values.
  unsigned get(Value value) {
    auto known = numbers.find(value);
    if (known != numbers.end())
      return known->second;
    unsigned number = compute(value);
    numbers[value] = number;
    return number;
  }

private:
  /// Name, attributes, properties, result type, then which result it is and the
  /// operands by number.
  using Key = std::pair<SmallVector<const void *>, SmallVector<unsigned>>;

  unsigned compute(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !isParamExpressionOp(op) || !hasStaticShape(value.getType()))
      return 0;
    Key key;
    key.second.push_back(cast<OpResult>(value).getResultNumber());
    for (Value operand : op->getOperands()) {
      unsigned number = get(operand);
      if (number == 0)
        return 0;
      key.second.push_back(number);
    }
    key.first = {op->getName().getAsOpaquePointer(),
                 op->getDiscardableAttrDictionary().getAsOpaquePointer(),
                 op->getPropertiesAsAttribute().getAsOpaquePointer(),
                 value.getType().getAsOpaquePointer()};
    return keys.try_emplace(std::move(key), unsigned(keys.size()) + 1)
        .first->second;
  }

  DenseMap<Value, unsigned> numbers;
  std::map<Key, unsigned> keys;
};
} // namespace

SmallVector<ParamRoot> qnt::collectParamRoots(ModuleOp module) {
  Numbering numbering;
  llvm::MapVector<unsigned, ParamRoot> roots;
  auto isNumbered = [&](Operation *op) {
    return op->getNumResults() > 0 && numbering.get(op->getResult(0)) != 0;
  };
  auto visit = [&](OpResult value) {
    unsigned number = numbering.get(value);
    if (number == 0)
      return;
    bool isConstant = !getSourceLoad(value);
    bool isRoot = llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !isNumbered(user) &&
             (!isConstant ||
              isa<nn::NNDialect, QNTDialect>(user->getDialect()));
    });
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    if (isa<arith::ConstantOp>(value.getOwner()) && tensor &&
        !isa<FloatType>(tensor.getElementType()))
      return;
    if (isRoot)
      roots[number].values.push_back(value);
  };
  module.walk([&](Operation *op) {
    for (OpResult value : op->getResults())
      visit(value);
  });
  SmallVector<ParamRoot> result;
  for (auto &[number, root] : roots)
    result.push_back(std::move(root));
  return result;
}
