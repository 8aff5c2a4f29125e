//===- ResidualStreams.cpp - what blocks add their results to -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/ResidualStreams.h"

#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace qnt;

//===----------------------------------------------------------------------===//
// What ops do to a basis
//===----------------------------------------------------------------------===//

/// Whether `value` is a constant of one number.
static bool isSplat(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  return constant && isa<SplatElementsAttr>(constant.getValue());
}

/// The size of the last dimension; dynamic where there is none.
static int64_t getWidth(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() ? type.getShape().back() : ShapedType::kDynamic;
}

static bool keepsRows(tensor::ExtractSliceOp slice) {
  int64_t last = slice.getSourceType().getRank() - 1;
  return isConstantIntValue(slice.getMixedOffsets()[last], 0) &&
         isConstantIntValue(slice.getMixedStrides()[last], 1) &&
         !slice.getDroppedDims()[last];
}

/// Whether the first operand and the result are rows of features in one basis.
static bool isLink(Operation *op) {
  if (isa<nn::SelectRowsOp, nn::MeanPoolOp, nn::L2NormalizeOp, nn::LayerNormOp,
          ObserveOp, tensor::CastOp>(op))
    return true;
  if (auto norm = dyn_cast<nn::RMSNormOp>(op))
    return norm.getGroups() == 1;
  if (auto mul = dyn_cast<nn::MulOp>(op))
    return isSplat(mul.getRhs());
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  if (isa<tensor::ReshapeOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          op) ||
      (slice && keepsRows(slice))) {
    int64_t width = getWidth(op->getOperand(0));
    return !ShapedType::isDynamic(width) && width == getWidth(op->getResult(0));
  }
  return false;
}

/// Why a link would not do the same in another basis; "" where it would.
static StringRef getObstacle(Operation *op) {
  if (isa<nn::LayerNormOp>(op))
    return "is a layer norm, which subtracts the mean of the features";
  auto norm = dyn_cast<nn::RMSNormOp>(op);
  if (norm && !isSplat(norm.getScale()))
    return "is a norm with a factor for each feature (nn-fold=norms folds "
           "those "
           "whose users are linear layers)";
  return "";
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

namespace {
class StreamCollector {
public:
  explicit StreamCollector(ModuleOp module) : module(module) {}
  std::vector<ResidualStream> collect();

private:
  void join(Value x, Value y) {
    classes.unionSets(x.getAsOpaquePointer(), y.getAsOpaquePointer());
  }
  void link(Operation *op);
  void linkCall(func::CallOp call);
  func::FuncOp getCallee(func::CallOp call) {
    auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
    return callee && !callee.isDeclaration() ? callee : func::FuncOp();
  }
  /// The stream that `value` belongs to; null for others.
  ResidualStream *find(Value value);
  void visit(Operation *op);
  void visitResult(Operation *op, ResidualStream &stream);
  void visitOperand(OpOperand &operand, ResidualStream &stream);
  static void block(ResidualStream &stream, Operation *op,
                    const Twine &reason) {
    if (stream.blocker)
      return;
    stream.blocker = op;
    stream.reason = reason.str();
  }

  ModuleOp module;
  llvm::EquivalenceClasses<const void *> classes;
  /// Results of sums of two values that are no parameters.
  SmallVector<Value> sums;
  /// By leader.
  llvm::MapVector<const void *, ResidualStream> streams;
};
} // namespace

void StreamCollector::linkCall(func::CallOp call) {
  func::FuncOp callee = getCallee(call);
  if (!callee)
    return;
  for (auto [operand, argument] :
       llvm::zip_equal(call.getOperands(), callee.getArguments()))
    join(operand, argument);
  for (auto ret : callee.getOps<func::ReturnOp>())
    for (auto [operand, result] :
         llvm::zip_equal(ret.getOperands(), call.getResults()))
      join(operand, result);
}

void StreamCollector::link(Operation *op) {
  if (auto call = dyn_cast<func::CallOp>(op)) {
    linkCall(call);
  } else if (isa<nn::AddOp>(op)) {
    Value lhs = op->getOperand(0), rhs = op->getOperand(1);
    Value result = op->getResult(0);
    bool isLeft = !isParamExpression(lhs);
    bool isRight = !isParamExpression(rhs) && getWidth(rhs) == getWidth(result);
    if (isLeft)
      join(lhs, result);
    if (isRight)
      join(rhs, result);
    if (isLeft && isRight && lhs.getType() == rhs.getType() &&
        !ShapedType::isDynamic(getWidth(result)))
      sums.push_back(result);
  } else if (isLink(op) && !isParamExpression(op->getOperand(0))) {
    join(op->getOperand(0), op->getResult(0));
  }
}

ResidualStream *StreamCollector::find(Value value) {
  auto leader = classes.findLeader(value.getAsOpaquePointer());
  if (leader == classes.member_end())
    return nullptr;
  auto stream = streams.find(*leader);
  return stream == streams.end() ? nullptr : &stream->second;
}

static bool hasParams(nn::LinearOp linear) {
  return isParamExpression(linear.getWeight()) &&
         (!linear.getBias() || isParamExpression(linear.getBias()));
}

void StreamCollector::visitResult(Operation *op, ResidualStream &stream) {
  auto linear = dyn_cast<nn::LinearOp>(op);
  auto embedding = dyn_cast<nn::EmbeddingOp>(op);
  auto call = dyn_cast<func::CallOp>(op);
  if (linear && hasParams(linear))
    stream.writers.push_back(linear);
  else if (embedding && isParamExpression(embedding.getTable()))
    stream.embeddings.push_back(embedding);
  else if (!(call && getCallee(call)) && !isa<nn::AddOp>(op) && !isLink(op))
    block(stream, op, "writes to the stream");
}

void StreamCollector::visitOperand(OpOperand &operand, ResidualStream &stream) {
  Operation *op = operand.getOwner();
  if (auto linear = dyn_cast<nn::LinearOp>(op);
      linear && operand.getOperandNumber() == 0 && hasParams(linear)) {
    stream.readers.push_back(linear);
  } else if (auto call = dyn_cast<func::CallOp>(op); call && getCallee(call)) {
    return;
  } else if (isa<func::ReturnOp>(op)) {
    auto function = cast<func::FuncOp>(op->getParentOp());
    if (function.isPublic())
      block(stream, op,
            "returns the stream from entry point '" + function.getName() + "'");
  } else if (isLink(op) && operand.getOperandNumber() == 0) {
    if (StringRef obstacle = getObstacle(op); !obstacle.empty())
      block(stream, op, obstacle);
  } else if (!isa<nn::AddOp, tensor::DimOp>(op)) {
    block(stream, op, "reads the stream");
  }
}

void StreamCollector::visit(Operation *op) {
  for (Value result : op->getResults())
    if (ResidualStream *stream = find(result))
      visitResult(op, *stream);
  for (OpOperand &operand : op->getOpOperands())
    if (ResidualStream *stream = find(operand.get()))
      visitOperand(operand, *stream);
  auto add = dyn_cast<nn::AddOp>(op);
  ResidualStream *stream = add ? find(add.getResult()) : nullptr;
  if (!stream)
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    if (find(operand.get()) == stream)
      continue;
    if (isParamExpression(operand.get()) &&
        getWidth(operand.get()) == stream->width)
      stream->addends.push_back(&operand);
    else
      block(*stream, op, "adds something without features to the stream");
  }
}

std::vector<ResidualStream> StreamCollector::collect() {
  module.walk([&](Operation *op) { link(op); });
  for (Value sum : sums) {
    const void *leader = classes.getLeaderValue(sum.getAsOpaquePointer());
    streams[leader].width = getWidth(sum);
  }
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isPublic() && !function.isDeclaration())
      for (Value argument : function.getArguments())
        if (ResidualStream *stream = find(argument))
          block(*stream, function,
                "takes the stream as an argument of entry point '" +
                    function.getName() + "'");
    function.walk([&](Operation *op) {
      if (op != function)
        visit(op);
    });
  }
  std::vector<ResidualStream> result;
  for (auto &[leader, stream] : streams)
    if (!stream.readers.empty())
      result.push_back(std::move(stream));
  return result;
}

std::vector<ResidualStream> qnt::collectResidualStreams(ModuleOp module) {
  return StreamCollector(module).collect();
}
