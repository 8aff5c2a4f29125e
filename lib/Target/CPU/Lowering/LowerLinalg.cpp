//===- LowerLinalg.cpp - linalg ops to kernel calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "../Kernels/Generic.h"
#include "../Kernels/Lanes.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

TypedAttr qnt::cpu::getUniformConstant(Value value) {
  if (auto cast = value.getDefiningOp<tensor::CastOp>())
    return getUniformConstant(cast.getSource());
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return getUniformConstant(fill.getInputs().front());
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  if (!constant)
    return {};
  if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue()))
    return cast<TypedAttr>(splat.getSplatValue<Attribute>());
  if (isa<FloatAttr, IntegerAttr>(constant.getValue()))
    return constant.getValue();
  return {};
}

/// Tensors that the body of `op` extracts elements of.
static SmallVector<Value> getSources(linalg::LinalgOp op) {
  SmallVector<Value> sources;
  for (Operation &inner : *op.getBlock())
    if (auto extract = dyn_cast<tensor::ExtractOp>(inner))
      if (!llvm::is_contained(sources, extract.getTensor()))
        sources.push_back(extract.getTensor());
  return sources;
}

static bool isRead(linalg::LinalgOp op, OpOperand &operand) {
  return !op.getMatchingBlockArgument(&operand).use_empty();
}

Value qnt::cpu::getPaddingSource(tensor::PadOp op) {
  Value padding = op.getConstantPaddingValue();
  auto extract = padding ? padding.getDefiningOp<tensor::ExtractOp>() : nullptr;
  if (!extract || !extract.getTensor().getType().hasStaticShape() ||
      extract.getTensor().getType().getNumElements() != 1)
    return Value();
  return extract.getTensor();
}

SmallVector<Value> qnt::cpu::getMemoryOperands(Operation &op) {
  SmallVector<Value> values;
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op))
    return {transpose.getInput()};
  if (auto linalg = dyn_cast<linalg::LinalgOp>(op)) {
    for (OpOperand &operand : op.getOpOperands())
      if (isRead(linalg, operand) && !getUniformConstant(operand.get()))
        values.push_back(operand.get());
    values.append(getSources(linalg));
    return values;
  }
  if (isa<tensor::FromElementsOp, tensor::DimOp, tensor::EmptyOp>(op))
    return values;
  ValueRange operands = op.getOperands();
  if (FusedRows fused = getFusedRows(&op); fused.input) {
    values.push_back(fused.input);
    if (fused.norm)
      values.push_back(fused.norm.getScale());
    if (fused.rotate && fused.rotate.getMatrices())
      values.push_back(fused.rotate.getMatrices());
    operands = operands.drop_front();
  }
  if (isa<tensor::ReshapeOp, tensor::ExpandShapeOp, tensor::ExtractSliceOp>(op))
    return {op.getOperand(0)};
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    values.push_back(pad.getSource());
    if (Value source = getPaddingSource(pad))
      values.push_back(source);
    return values;
  }
  for (Value operand : operands)
    if (isa<ShapedType, QTensorType, nn::KVCacheType>(operand.getType()))
      values.push_back(operand);
  return values;
}

namespace {
/// Builds the nest of an op and the values that its kernel is called with.
class NestBuilder {
public:
  NestBuilder(linalg::LinalgOp op, FunctionSymbols &symbols)
      : symbols(symbols), table(symbols.table) {
    nest.op = op;
  }

  LogicalResult build();

  GenericNest nest;
  /// The integers after the pointers.
  SmallVector<Dim> integers;

private:
  LogicalResult addBody();
  LogicalResult addOperands();
  LogicalResult addLoops();
  bool usesIndex(int64_t loop) {
    auto range = nest.op.getBlock()->getOps<linalg::IndexOp>();
    return llvm::any_of(range, [&](linalg::IndexOp index) {
      return int64_t(index.getDim()) == loop;
    });
  }

  FunctionSymbols &symbols;
  DimTable &table;
  /// Extents of the op's loops, and operands' strides by them.
  SmallVector<std::optional<Dim>> extents;
  SmallVector<SmallVector<std::optional<Dim>>> strides;
};
} // namespace

LogicalResult NestBuilder::addBody() {
  linalg::LinalgOp op = nest.op;
  Block &body = *op.getBlock();
  for (Operation &inner : body.without_terminator())
    if (!isa<arith::ConstantOp, linalg::IndexOp, tensor::ExtractOp>(inner) &&
        !isScalarOpKnown(&inner))
      return inner.emitOpError("has no lowering in the CPU target in the body "
                               "of a linalg op");
  nest.sources = getSources(op);
  for (Operation &inner : body)
    for (Value operand : inner.getOperands()) {
      if (operand.getParentBlock() == &body ||
          llvm::is_contained(nest.sources, operand) ||
          llvm::is_contained(nest.indices, operand))
        continue;
      if (auto constant = operand.getDefiningOp<arith::ConstantOp>()) {
        if (!llvm::is_contained(nest.constants, constant))
          nest.constants.push_back(constant);
      } else if (symbols.getIndex(operand) && operand.getType().isIndex()) {
        nest.indices.push_back(operand);
      } else {
        return inner.emitOpError("uses a value from outside that is no "
                                 "constant and does not follow from shapes");
      }
    }
  return success();
}

LogicalResult NestBuilder::addOperands() {
  linalg::LinalgOp op = nest.op;
  extents.resize(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    Type element = getElementTypeOrSelf(operand.get());
    if (!element.isIntOrIndexOrFloat() || element.isInteger(4))
      return op->emitOpError("has elements of a type that the CPU target does "
                             "not hold: ")
             << element;
    GenericNest::Operand entry{
        element, getUniformConstant(operand.get()), isRead(op, operand), {}};
    bool isInit = op.isDpsInit(&operand);
    auto &list = strides.emplace_back(op.getNumLoops());
    if (!symbols.has(operand.get())) {
      if (entry.isRead && !entry.constant)
        return op->emitOpError("expected tensors and constants");
      nest.operands.push_back(entry);
      continue;
    }
    ArrayRef<Dim> dims = symbols.getDims(operand.get());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
        if (!extents[loop.getPosition()])
          extents[loop.getPosition()] = dims[i];
        // A loop that stands twice visits a diagonal.
        std::optional<Dim> &stride = list[loop.getPosition()];
        Dim step = table.product(dims.drop_front(i + 1));
        stride = stride ? table.add(*stride, step) : step;
        continue;
      }
      auto constant = dyn_cast<AffineConstantExpr>(expr);
      if (!constant || constant.getValue() != 0)
        return op->emitOpError("expected indexing maps of loops and 0, got ")
               << AffineMapAttr::get(map);
    }
    // Only results keep the strides of what is not read.
    if (!isInit && (!entry.isRead || entry.constant))
      list.assign(list.size(), std::nullopt);
    nest.operands.push_back(entry);
  }
  for (const auto &extent : extents)
    if (!extent)
      return op->emitOpError("has a loop that no operand gives a size");
  return success();
}

LogicalResult NestBuilder::addLoops() {
  struct Merged {
    Dim extent;
    GenericNest::Loop loop;
    SmallVector<std::optional<Dim>> strides;
  };
  SmallVector<Merged> loops;
  linalg::LinalgOp op = nest.op;
  for (auto [i, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    Dim extent = *extents[i];
    if (extent == Dim::constant(1))
      continue;
    Merged next{
        extent, {kind == utils::IteratorType::reduction, int64_t(i)}, {}};
    if (!usesIndex(i))
      next.loop.index.reset();
    for (auto &list : strides)
      next.strides.push_back(list[i]);
    bool merges = !loops.empty() && !next.loop.index &&
                  !loops.back().loop.index &&
                  loops.back().loop.isReduction == next.loop.isReduction;
    if (merges)
      for (auto [outer, inner] :
           llvm::zip_equal(loops.back().strides, next.strides))
        merges &= outer.has_value() == inner.has_value() &&
                  (!inner || *outer == table.mul(*inner, extent));
    if (!merges) {
      loops.push_back(next);
      continue;
    }
    loops.back().extent = table.mul(loops.back().extent, extent);
    loops.back().strides = next.strides;
  }
  for (const Merged &merged : loops) {
    nest.loops.push_back(merged.loop);
    integers.push_back(merged.extent);
  }
  for (auto [i, operand] : llvm::enumerate(nest.operands))
    for (const Merged &merged : loops) {
      std::optional<Dim> stride = merged.strides[i];
      bool isOne = stride == Dim::constant(1);
      operand.strides.push_back(!stride ? GenericNest::Stride::Zero
                                : isOne ? GenericNest::Stride::One
                                        : GenericNest::Stride::Runtime);
      if (stride && !isOne)
        integers.push_back(*stride);
    }
  return success();
}

LogicalResult NestBuilder::build() {
  if (failed(addBody()) || failed(addOperands()) || failed(addLoops()))
    return failure();
  for (Value source : nest.sources)
    llvm::append_range(integers, symbols.getDims(source));
  for (Value index : nest.indices)
    integers.push_back(*symbols.getIndex(index));
  return success();
}

LogicalResult FunctionLowering::emitLinalg(KernelBuilder &k,
                                           linalg::LinalgOp op) {
  NestBuilder builder(op, symbols);
  if (failed(builder.build()))
    return failure();
  Kernel kernel = getGenericKernel(module.lib, builder.nest);
  SmallVector<Value> args{context};
  for (auto [operand, entry] :
       llvm::zip_equal(op->getOpOperands(), builder.nest.operands))
    if (entry.isRead && !entry.constant)
      args.push_back(pointer(operand.get()));
  for (Value result : op->getResults())
    args.push_back(pointer(result));
  for (Value source : builder.nest.sources)
    args.push_back(pointer(source));
  for (Dim dim : builder.integers)
    args.push_back(emitDim(k, dim));
  k.call(kernel, args);
  record(k, *op, kernel, pointer(op->getResult(0)));
  return success();
}
