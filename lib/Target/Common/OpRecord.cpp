//===- OpRecord.cpp - what a manifest says of an operation -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "OpRecord.h"

#include "RowsGeometry.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::target;

std::string qnt::target::getPath(Operation &op) {
  std::string name;
  op.getLoc()->walk([&](Location loc) {
    if (auto named = dyn_cast<NameLoc>(loc)) {
      name = named.getName().str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (name.empty() && isa<qnt::LinearOp, qnt::ConvOp>(op))
    if (auto load =
            op.getOperand(1).getDefiningOp<ml_program::GlobalLoadConstOp>())
      name = load.getGlobal().getLeafReference().str();
  return name.empty() ? op.getName().getStringRef().str() : name;
}

/// Bytes of a number of an activation, or of a code of one.
static int64_t getElementBytes(Value value) {
  if (auto codes = dyn_cast<QTensorType>(value.getType()))
    return codes.hasSmallScales() ? 0 : 1;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? getByteWidth(type.getElementType()) : 0;
}

/// What an op reads and writes beside parameters: products of numbers and
/// dimensions.
static llvm::json::Array describeMoves(Operation &op,
                                       const FunctionSymbols &symbols) {
  llvm::json::Array moves;
  auto add = [&](Value value) {
    int64_t bytes = getElementBytes(value);
    if (bytes == 0 || !symbols.has(value))
      return;
    llvm::json::Array product = symbols.describe(symbols.getDims(value));
    product.insert(product.begin(), bytes);
    moves.push_back(std::move(product));
  };
  Value result = op.getResult(0);
  // These read of their source what they write.
  bool isPart = isa<tensor::ExtractSliceOp, nn::SelectRowsOp, nn::EmbeddingOp,
                    qnt::EmbeddingOp>(op);
  if (isPart)
    add(result);
  for (Value operand : op.getOperands())
    if (!isPart && !operand.getDefiningOp<ml_program::GlobalLoadConstOp>())
      add(operand);
  for (Value each : op.getResults())
    add(each);
  return moves;
}

llvm::json::Object qnt::target::describeOp(Operation &op,
                                           const FunctionSymbols &symbols,
                                           StringRef kernel, int64_t macs,
                                           int64_t bytes) {
  llvm::json::Object entry{{"name", getPath(op)},
                           {"op", op.getName().getStringRef().str()},
                           {"kernel", kernel.str()},
                           {"bytes", bytes},
                           {"moves", describeMoves(op, symbols)}};
  if (auto attention = dyn_cast<nn::AttentionOp>(op)) {
    macs = 2 * attention.getHeads() * attention.getHeadDim();
    if (attention.getCache())
      entry["positions"] = "cache";
    else
      entry["positions"] =
          symbols.describe(symbols.getDims(attention.getKey())[1])[0];
    if (attention.getWindow())
      entry["window"] = int64_t(*attention.getWindow());
  }
  entry["macs_per_row"] = macs;
  if (macs > 0) {
    auto codes = dyn_cast<QTensorType>(op.getOperand(0).getType());
    entry["products"] = codes && codes.isInteger() ? "int8" : "f32";
  }
  if (auto observe = dyn_cast<ObserveOp>(op))
    entry["name"] = observe.getSite().str();
  Value result = op.getResult(0);
  auto type = dyn_cast<RankedTensorType>(result.getType());
  // The loader knows ranks up to 8.
  bool isFloat = type && type.getElementType().isF32() && type.getRank() <= 8;
  entry["dtype"] = isFloat ? "f32" : "none";
  entry["shape"] = symbols.describe(symbols.getDims(result));
  return entry;
}
