//===- LowerOps.cpp - operations to launches -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"
#include "Linear.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;
using target::CodeBuilder;

LogicalResult ModuleLowering::lowerFunction(func::FuncOp function) {
  return FunctionLowering(*this, function).target::FunctionLowering::run();
}

/// Rows of f16 or codes, in whose kernels others are fused.
static bool takesRows(Operation *op) {
  return isa<QuantizeOp, arith::TruncFOp>(op);
}

RotateOp qnt::cuda::getFusedRotation(Operation *op) {
  if (!takesRows(op))
    return {};
  auto rotate = op->getOperand(0).getDefiningOp<RotateOp>();
  return rotate && rotate->hasOneUse() ? rotate : RotateOp();
}

Operation *qnt::cuda::getFusedNorm(Operation *op) {
  if (!takesRows(op))
    return nullptr;
  RotateOp rotate = getFusedRotation(op);
  Value rows = rotate ? rotate.getInput() : op->getOperand(0);
  Operation *norm = rows.getDefiningOp();
  auto rms = dyn_cast_if_present<nn::RMSNormOp>(norm);
  if (!isa_and_present<nn::RMSNormOp, nn::LayerNormOp, nn::L2NormalizeOp>(
          norm) ||
      (rms && rms.getGroups() != 1))
    return nullptr;
  bool isShared = llvm::any_of(norm->getUsers(), [](Operation *user) {
    if (isa<RotateOp>(user) && user->hasOneUse())
      user = *user->user_begin();
    return !takesRows(user);
  });
  return isShared ? nullptr : norm;
}

static NormSpec getNormSpec(Operation *norm) {
  NormSpec spec;
  if (!norm)
    return spec;
  if (auto rms = dyn_cast<nn::RMSNormOp>(norm))
    return {NormSpec::Kind::RMS, rms.getEps().convertToDouble()};
  if (auto layer = dyn_cast<nn::LayerNormOp>(norm))
    return {NormSpec::Kind::Layer, layer.getEps().convertToDouble()};
  return {NormSpec::Kind::L2, 0};
}

/// The rows that a kernel begins with.
static Value getFusedInput(Operation *op) {
  Operation *first = getFusedNorm(op);
  if (!first)
    first = getFusedRotation(op);
  return (first ? first : op)->getOperand(0);
}

void FunctionLowering::appendNorm(Operation *norm,
                                  SmallVectorImpl<Value> &args) {
  if (!norm)
    return;
  for (Value operand : norm->getOperands().drop_front())
    args.push_back(pointer(operand));
}

SmallVector<Value> FunctionLowering::getMemoryOperands(Operation &op) const {
  if (isa<tensor::DimOp, tensor::EmptyOp>(op))
    return {};
  if (isa<tensor::ReshapeOp, tensor::ExpandShapeOp>(op))
    return {op.getOperand(0)};
  SmallVector<Value> values;
  ValueRange operands = op.getOperands();
  Operation *norm = getFusedNorm(&op);
  if (RotateOp rotate = getFusedRotation(&op)) {
    llvm::append_range(values, rotate->getOperands().drop_front(norm ? 1 : 0));
    operands = operands.drop_front(norm ? 0 : 1);
  }
  if (norm) {
    llvm::append_range(values, norm->getOperands());
    operands = operands.drop_front();
  }
  for (Value operand : operands)
    if (isa<ShapedType, QTensorType, nn::KVCacheType>(operand.getType()))
      values.push_back(operand);
  return values;
}

LogicalResult FunctionLowering::run(CodeBuilder &k, Operation &op,
                                    Kernel kernel, ValueRange args) {
  assert(args.size() == kernel.args.size() && "a kernel's arguments");
  launch(k, kernel, args);
  record(k, op, kernel.code.getName(), pointer(op.getResult(0)));
  return success();
}

LogicalResult FunctionLowering::emitLinear(CodeBuilder &k, qnt::LinearOp op) {
  QTensorType weight = op.getWeight().getType();
  auto load = op.getWeight().getDefiningOp<ml_program::GlobalLoadConstOp>();
  if (!load || !isa_and_present<FragmentsAttr>(weight.getLayout()))
    return op.emitOpError("expected a materialised weight in #qnt.fragments "
                          "(run qnt-cuda-layout and qnt-materialize-params)");
  auto strategy = dyn_cast_if_present<BlockStrategyAttr>(op.getStrategyAttr());
  if (!strategy)
    return op.emitOpError("has no #qnt.block_strategy (run qnt-cuda-strategy)");
  LinearShape shape = getLinearShape(op);
  std::string reason = checkLinear(shape);
  if (!reason.empty())
    return op.emitOpError("has no kernel: ") << reason;

  Value rows = rowsOf(k, op.getResult());
  SmallVector<Value> args(pointers(op.getInput()));
  while (args.size() < 4)
    args.push_back(null(k));
  Value workspace = getWorkspace(k);
  llvm::append_values(args, pointer(op.getWeight()), rows,
                      pointer(op.getResult()),
                      k.at(workspace, module.getCounterBytes()), workspace);
  for (Value operand : op.getExtra())
    args.push_back(pointer(operand));

  // From the largest bucket down, those that the rows still fit.
  Numbers numbers;
  std::string name;
  for (size_t i = strategy.getRows().size(); i-- > 0;) {
    LinearTile tile = getTile(strategy, i);
    Kernel kernel = getLinearKernel(module.lib, shape, tile);
    name = kernel.code.getName().str();
    int64_t most = strategy.getRows()[i];
    if (kernel.workspaceBytes)
      module.needWorkspace(kernel.workspaceBytes *
                           llvm::divideCeil(weight.getShape()[0], tile.blockN) *
                           llvm::divideCeil(most, tile.blockM));
    Numbers own = getNumbers(k, kernel, args);
    numbers = numbers.kernel ? choose(k, k.geS(k.c64(most), rows), own, numbers)
                             : own;
  }
  launch(k, numbers, args);
  int64_t bytes = cast<Layout>(weight.getLayout()).getByteSize(weight);
  module.weightBytes[load.getGlobal().getLeafReference().str()] = bytes;
  // Named after the kernel of the fewest rows.
  record(k, *op, name, pointer(op.getResult()),
         weight.getShape()[0] * weight.getShape()[1], bytes);
  return success();
}

LogicalResult FunctionLowering::emitQuantize(CodeBuilder &k, QuantizeOp op) {
  QTensorType type = op.getResult().getType();
  std::string reason = checkQuantizeRows(type);
  if (!reason.empty())
    return op.emitOpError("has no kernel in the CUDA target: ") << reason;
  if (op.getClip() != ClipMethod::AbsMax)
    return op.emitOpError("activations are clipped by absmax at run time, got ")
           << stringifyClipMethod(op.getClip());
  Operation *norm = getFusedNorm(op);
  RotateOp rotate = getFusedRotation(op);
  if (failed(checkRotation(rotate)))
    return failure();
  SmallVector<Value> args{pointer(getFusedInput(op)),
                          pointerOrNull(k, op.getScale()),
                          pointerOrNull(k, op.getZero())};
  llvm::append_range(args, pointers(op.getResult()));
  args.push_back(rowsOf(k, op.getInput()));
  appendNorm(norm, args);
  std::optional<RotationSpec> rotation;
  if (rotate) {
    rotation = getRotationSpec(rotate);
    appendRotation(k, rotate, args);
  }
  return run(k, *op,
             getQuantizeRowsKernel(module.lib, type, bool(op.getScale()),
                                   getNormSpec(norm), rotation),
             args);
}

LogicalResult FunctionLowering::emitHalves(CodeBuilder &k, arith::TruncFOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  if (!type.getElementType().isF16() ||
      !getElementTypeOrSelf(op.getIn()).isF32())
    return op.emitOpError("is lowered of f32 to f16, got ")
           << op.getIn().getType() << " to " << type;
  Operation *norm = getFusedNorm(op);
  RotateOp rotate = getFusedRotation(op);
  if (failed(checkRotation(rotate)))
    return failure();
  SmallVector<Value> args{pointer(getFusedInput(op))};
  appendNorm(norm, args);
  llvm::append_values(args, pointer(op.getResult()), rowsOf(k, op.getResult()));
  RowsSpec spec{type.getShape().back(), getNormSpec(norm),
                RowsSpec::Output::F16};
  if (rotate) {
    spec.rotation = getRotationSpec(rotate);
    appendRotation(k, rotate, args);
  }
  return run(k, *op, getRowsKernel(module.lib, spec), args);
}

LogicalResult FunctionLowering::emitNorm(CodeBuilder &k, Operation &op) {
  auto type = cast<RankedTensorType>(op.getResult(0).getType());
  int64_t groups = 1;
  if (auto norm = dyn_cast<nn::RMSNormOp>(op))
    groups = norm.getGroups();
  SmallVector<Value> args{pointer(op.getOperand(0))};
  appendNorm(&op, args);
  llvm::append_values(args, pointer(op.getResult(0)),
                      k.mul(rowsOf(k, op.getResult(0)), k.c64(groups)));
  RowsSpec spec{type.getShape().back() / groups, getNormSpec(&op),
                RowsSpec::Output::F32};
  return run(k, op, getRowsKernel(module.lib, spec), args);
}

/// Layers are lowered of f32 and integers, rows of a known length.
static LogicalResult checkLayer(Operation &op) {
  if (!isa<nn::NNDialect>(op.getDialect()))
    return success();
  for (Type type : {op.getOperand(0).getType(), op.getResult(0).getType()}) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      continue;
    if (!tensor.getElementType().isF32() &&
        !tensor.getElementType().isInteger())
      return op.emitOpError("is lowered of f32, got ") << type;
    if (tensor.getElementType().isF32() && tensor.getRank() &&
        ShapedType::isDynamic(tensor.getShape().back()) &&
        !isa<nn::SoftmaxOp, nn::AddOp, nn::MulOp, nn::ActivationOp,
             nn::ClampOp>(op))
      return op.emitOpError(
                 "is lowered where the last dimension is known, got ")
             << type;
  }
  return success();
}

LogicalResult FunctionLowering::emitOp(CodeBuilder &k, Operation &op) {
  if (failed(checkLayer(op)))
    return failure();
  KernelLibrary &lib = module.lib;
  auto featuresOf = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape().back();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](ml_program::GlobalLoadConstOp load) {
        emitLoad(k, load);
        return success();
      })
      .Case<tensor::CastOp, tensor::ReshapeOp, tensor::CollapseShapeOp,
            tensor::ExpandShapeOp, tensor::EmptyOp>(
          [](auto) { return success(); })
      .Case(
          [&](arith::ConstantOp constant) { return emitConstant(k, constant); })
      .Case([&](arith::TruncFOp halves) { return emitHalves(k, halves); })
      .Case([&](ObserveOp observe) {
        record(k, op, "", pointer(observe.getInput()));
        return success();
      })
      .Case([&](qnt::LinearOp linear) { return emitLinear(k, linear); })
      .Case([&](RotateOp rotate) { return emitRotate(k, rotate); })
      .Case([&](QuantizeOp quantize) { return emitQuantize(k, quantize); })
      .Case([&](func::CallOp call) { return emitCall(k, call); })
      .Case([&](nn::AttentionOp attention) {
        return emitAttention(k, attention);
      })
      .Case<nn::RMSNormOp, nn::LayerNormOp, nn::L2NormalizeOp>(
          [&](auto) { return emitNorm(k, op); })
      .Case<nn::AddOp, nn::MulOp, nn::ActivationOp, nn::ClampOp>(
          [&](auto) { return emitPoints(k, op); })
      .Case([&](nn::SoftmaxOp softmax) {
        Value input = softmax.getInput();
        unsigned last = softmax.getType().getRank() - 1;
        return run(k, op, getSoftmaxKernel(lib),
                   {pointer(input), pointer(softmax.getResult()),
                    rowsOf(k, input), dimOf(k, input, last)});
      })
      .Case([&](nn::EmbeddingOp embedding) {
        Value table = embedding.getTable();
        return run(k, op,
                   getEmbeddingKernel(lib, getElementTypeOrSelf(table),
                                      featuresOf(table)),
                   {pointer(embedding.getIds()), pointer(table),
                    pointer(embedding.getResult()),
                    rowsOf(k, embedding.getResult())});
      })
      .Case([&](qnt::EmbeddingOp embedding) {
        return emitEmbedding(k, embedding);
      })
      .Case([&](nn::PositionIdsOp positions) {
        Value result = positions.getResult();
        SmallVector<Value> args{pointer(result), dimOf(k, result, 0),
                                dimOf(k, result, 1)};
        if (positions.getStart())
          args.push_back(pointer(positions.getStart()));
        return run(k, op, getPositionIdsKernel(lib, bool(positions.getStart())),
                   args);
      })
      .Case([&](nn::SelectRowsOp select) {
        Value input = select.getInput();
        SmallVector<Value> args{pointer(input), pointer(select.getResult()),
                                dimOf(k, input, 0), dimOf(k, input, 1)};
        if (select.getRows())
          args.push_back(pointer(select.getRows()));
        return run(
            k, op,
            getSelectRowsKernel(lib, featuresOf(input), bool(select.getRows())),
            args);
      })
      .Case([&](nn::SelectFeaturesOp select) {
        return run(k, op,
                   getSelectFeaturesKernel(lib, featuresOf(select.getInput()),
                                           featuresOf(select.getResult())),
                   {pointer(select.getInput()), pointer(select.getIndices()),
                    pointer(select.getResult()), rowsOf(k, select.getInput())});
      })
      .Case([&](nn::MeanPoolOp pool) {
        Value input = pool.getInput();
        return run(k, op, getMeanPoolKernel(lib, featuresOf(input)),
                   {pointer(input), pointer(pool.getLengths()),
                    pointer(pool.getResult()), dimOf(k, input, 0),
                    dimOf(k, input, 1)});
      })
      .Case([&](nn::RopeTableOp table) { return emitRopeTable(k, table); })
      .Case([&](nn::RopeOp rope) {
        Value input = rope.getInput(), table = rope.getTable();
        RopeSpec spec{int64_t(rope.getHeads()),
                      featuresOf(input) / int64_t(rope.getHeads()),
                      featuresOf(table), rope.getInterleaved()};
        return run(k, op, getRopeKernel(lib, spec),
                   {pointer(input), pointer(table), pointer(rope.getResult()),
                    rowsOf(k, input)});
      })
      .Default([](Operation *other) {
        return other->emitOpError("has no lowering in the CUDA target");
      });
}
