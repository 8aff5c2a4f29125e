//===- LowerOps.cpp - operations to kernel calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "../Kernels/Matmul.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

LogicalResult FunctionLowering::emitLinear(KernelBuilder &k, qnt::LinearOp op) {
  QTensorType weight = op.getWeight().getType();
  if (isa_and_present<FiltersAttr>(weight.getLayout()))
    return emitRowsLinear(k, op);
  auto load = op.getWeight().getDefiningOp<ml_program::GlobalLoadConstOp>();
  if (!load || !weight.getLayout())
    return op.emitOpError("expected a materialised weight in a packed layout "
                          "(run qnt-cpu-layout and qnt-materialize-params)");
  auto strategy = dyn_cast_if_present<PanelStrategyAttr>(op.getStrategyAttr());
  if (!strategy)
    return op.emitOpError("has no #qnt.strategy (run qnt-cpu-strategy)");
  LinearShape shape{weight, dyn_cast<QTensorType>(op.getInput().getType()),
                    EpilogueSpec::of(op), strategy};
  Kernel kernel = getLinearKernel(module.lib, shape);
  SmallVector<Value> args{context};
  llvm::append_range(args, pointers(op.getInput()));
  while (args.size() < 5)
    args.push_back(null(k));
  args.push_back(pointer(op.getWeight()));
  args.push_back(rowsOf(k, op.getResult()));
  appendEpilogue(k, op, args);
  int64_t bytes = cast<Layout>(weight.getLayout()).getByteSize(weight);
  module.weightBytes[load.getGlobal().getLeafReference().str()] = bytes;
  pending.push_back(
      {op, kernel, args, weight.getShape()[0] * weight.getShape()[1], bytes});
  if (!withNext.contains(op))
    emitJoined(k);
  return success();
}

LogicalResult FunctionLowering::emitQuantize(KernelBuilder &k, QuantizeOp op) {
  QTensorType type = op.getResult().getType();
  if (isa_and_present<ImageAttr>(type.getLayout()))
    return emitQuantizeImages(k, op);
  if (!isa_and_nonnull<RowsAttr>(type.getLayout()))
    return op.emitOpError("expected an activation in #qnt.rows (run "
                          "qnt-cpu-layout)");
  if (op.getClip() != ClipMethod::AbsMax)
    return op.emitOpError("activations are clipped by absmax at run time, got ")
           << stringifyClipMethod(op.getClip());
  bool isStatic = (bool)op.getScale();
  FusedRows fused = getFusedRows(op);
  RowSource source;
  if (fused.norm)
    source.norm = fused.norm.getEps().convertToDouble();
  if (fused.rotate)
    source.rotation = RotationShape::of(fused.rotate);
  Kernel kernel = getQuantizeRowsKernel(module.lib, type, isStatic, source);
  Value input = fused.input ? fused.input : op.getInput();
  SmallVector<Value> args{context, pointer(input),
                          pointerOrNull(k, op.getScale()),
                          pointerOrNull(k, op.getZero())};
  llvm::append_range(args, pointers(op.getResult()));
  if (fused.norm)
    args.push_back(pointer(fused.norm.getScale()));
  if (source.rotation && source.rotation->hasMatrices)
    args.push_back(pointer(fused.rotate.getMatrices()));
  args.push_back(rowsOf(k, op.getInput()));
  k.call(kernel, args);
  record(k, *op, kernel, pointer(op.getResult()));
  return success();
}

LogicalResult FunctionLowering::emitDequantize(KernelBuilder &k,
                                               DequantizeOp op) {
  QTensorType type = op.getInput().getType();
  bool isF32 = getElementTypeOrSelf(op.getResult()).isF32();
  if (isF32 && isa_and_present<ImageAttr>(type.getLayout()))
    return emitDequantizeImages(k, op);
  if (!isF32 || !isa_and_present<RowsAttr>(type.getLayout()))
    return op.emitOpError("the CPU target has no lowering for ")
           << type << " to " << op.getResult().getType();
  Kernel kernel = getDequantizeRowsKernel(module.lib, type);
  ArrayRef<Value> parts = pointers(op.getInput());
  k.call(kernel, {context, parts[0], parts[1], parts[2],
                  pointer(op.getResult()), rowsOf(k, op.getResult())});
  record(k, *op, kernel, pointer(op.getResult()));
  return success();
}

LogicalResult FunctionLowering::emitAttention(KernelBuilder &k,
                                              nn::AttentionOp op) {
  AttentionShape shape;
  shape.heads = op.getHeads();
  shape.scale = op.getScale().convertToDouble();
  shape.causal = op.getCausal() || op.getCache();
  shape.window = op.getWindow().value_or(0);
  shape.cache = getCacheGeometry(op);
  shape.fromStart = (bool)op.getCache();
  if (failed(checkSequences(op)))
    return failure();
  Value batch = dimOf(k, op.getQuery(), 0), tokens = dimOf(k, op.getQuery(), 1);
  Value cache, capacity, start = null(k), limits = null(k);
  if (op.getCache()) {
    capacity = capacities[op.getCache()];
    Value layerBytes =
        k.mul(k.mul(batch, capacity), k.c64(shape.cache.bytesPerPosition()));
    cache =
        k.at(pointer(op.getCache()), k.mul(layerBytes, k.c64(*op.getLayer())));
    start = limits = pointer(op.getStart());
  } else {
    capacity = k.roundUp(dimOf(k, op.getKey(), 1), kLanes);
    cache = bufferAt(k, scratch[op]);
    if (op.getLengths())
      limits = pointer(op.getLengths());
  }
  Kernel store = getCacheStoreKernel(module.lib, shape.cache);
  k.call(store, {context, pointer(op.getKey()), pointer(op.getValue()), cache,
                 start, batch, tokens, capacity});
  Kernel kernel = getAttentionKernel(module.lib, shape);
  k.call(kernel, {context, pointer(op.getQuery()), cache, limits,
                  pointer(op.getResult()), batch, tokens, capacity});
  record(k, *op, kernel, pointer(op.getResult()));
  return success();
}

LogicalResult FunctionLowering::emitBinary(KernelBuilder &k, Operation &op,
                                           BinaryKind kind) {
  Value lhs = op.getOperand(0), rhs = op.getOperand(1);
  unsigned rank = symbols.getDims(lhs).size();
  unsigned leading = rank - symbols.getDims(rhs).size();
  bool isRow = leading > 0;
  Kernel kernel = isRow ? getBinaryRowKernel(module.lib, kind)
                        : getBinaryKernel(module.lib, kind);
  Value result = op.getResult(0);
  SmallVector<Value> args{context, pointer(lhs), pointer(rhs), pointer(result)};
  if (isRow)
    args.append({extent(k, lhs, 0, leading), countOf(k, rhs)});
  else
    args.push_back(countOf(k, lhs));
  k.call(kernel, args);
  record(k, op, kernel, pointer(result));
  return success();
}

LogicalResult FunctionLowering::emitMatmul(KernelBuilder &k, nn::MatmulOp op) {
  DimTable &table = symbols.table;
  Dim one = Dim::constant(1);
  ArrayRef<Dim> lhs = symbols.getDims(op.getLhs());
  ArrayRef<Dim> rhs = symbols.getDims(op.getRhs());
  ArrayRef<Dim> dims = symbols.getDims(op.getResult());
  int64_t rank = dims.size() - 2;
  // How many matrices a step of a leading dimension skips.
  auto steps = [&](ArrayRef<Dim> shape) {
    SmallVector<Dim> result(rank, Dim::constant(0));
    Dim step = one;
    ArrayRef<Dim> leading = shape.drop_back(2);
    for (int64_t i = 1; i <= int64_t(leading.size()); ++i) {
      Dim size = leading[leading.size() - i];
      if (!(size == one))
        result[rank - i] = step;
      step = table.mul(step, size);
    }
    return result;
  };
  SmallVector<Dim> lhsSteps = steps(lhs), rhsSteps = steps(rhs);
  // Dimensions that follow one another in both operands are one.
  SmallVector<SmallVector<Dim, 3>> batch;
  for (int64_t i = 0; i < rank; ++i) {
    if (dims[i] == one)
      continue;
    auto follows = [&](unsigned which, Dim step) {
      return batch.back()[which] == table.mul(step, dims[i]);
    };
    if (!batch.empty() && follows(1, lhsSteps[i]) && follows(2, rhsSteps[i]))
      batch.back() = {table.mul(batch.back()[0], dims[i]), lhsSteps[i],
                      rhsSteps[i]};
    else
      batch.push_back({dims[i], lhsSteps[i], rhsSteps[i]});
  }
  Kernel kernel = getMatmulKernel(module.lib, batch.size(), op.getTransposed());
  SmallVector<Value> args{context, pointer(op.getLhs()), pointer(op.getRhs()),
                          pointer(op.getResult())};
  for (Dim dim : {dims[rank], lhs.back(), dims[rank + 1]})
    args.push_back(emitDim(k, dim));
  for (ArrayRef<Dim> dimension : batch)
    for (Dim dim : dimension)
      args.push_back(emitDim(k, dim));
  k.call(kernel, args);
  int64_t macs = lhs.back().isConstant && dims[rank + 1].isConstant
                     ? lhs.back().value * dims[rank + 1].value
                     : 0;
  record(k, *op, kernel, pointer(op.getResult()), macs);
  return success();
}

/// Layers are lowered of f32, and those that visit rows where their length is
/// known.
static LogicalResult checkLayer(Operation &op) {
  if (!isa<nn::NNDialect, QNTDialect>(op.getDialect()))
    return success();
  auto isWide = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return !tensor || tensor.getElementType().isInteger() ||
           tensor.getElementType().isF32();
  };
  for (Type type : {op.getOperand(0).getType(), op.getResult(0).getType()})
    if (!isWide(type))
      return op.emitOpError("is lowered of f32, got ") << type;
  if (isa<nn::SelectRowsOp, nn::MeanPoolOp>(op) &&
      cast<RankedTensorType>(op.getOperand(0).getType()).getShape().back() ==
          ShapedType::kDynamic)
    return op.emitOpError("is lowered where the last dimension is known, got ")
           << op.getOperand(0).getType();
  return success();
}

LogicalResult FunctionLowering::emitOp(target::CodeBuilder &host,
                                       Operation &op) {
  if (failed(checkLayer(op)))
    return failure();
  KernelBuilder k(host.b, host.loc, module.lib.isa);
  k.module = module.host;
  placeScales(k, op);
  KernelLibrary &lib = module.lib;
  auto simple = [&](Kernel kernel, ValueRange args) {
    k.call(kernel, args);
    record(k, op, kernel, pointer(op.getResult(0)));
    return success();
  };
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
          [&](auto) { return success(); })
      .Case(
          [&](arith::ConstantOp constant) { return emitConstant(k, constant); })
      .Case([&](linalg::TransposeOp transpose) {
        return emitTranspose(k, transpose);
      })
      .Case<linalg::GenericOp, linalg::FillOp>(
          [&](linalg::LinalgOp linalg) { return emitLinalg(k, linalg); })
      .Case([&](tensor::ExtractSliceOp slice) { return emitSlice(k, slice); })
      .Case([&](tensor::ConcatOp concat) { return emitConcat(k, concat); })
      .Case([&](tensor::PadOp pad) { return emitPad(k, pad); })
      .Case([&](tensor::FromElementsOp list) { return emitElements(k, list); })
      .Case([&](ObserveOp observe) {
        record(k, op, Kernel(), pointer(observe.getInput()));
        return success();
      })
      .Case([&](qnt::LinearOp linear) { return emitLinear(k, linear); })
      .Case([&](qnt::ConvOp conv) { return emitConv(k, conv); })
      .Case([&](nn::PoolOp pool) { return emitPool(k, pool); })
      .Case([&](MaxPoolOp pool) { return emitMaxPool(k, pool); })
      .Case([&](qnt::AddOp add) { return emitAddCodes(k, add); })
      .Case([&](AveragePoolOp pool) { return emitAveragePool(k, pool); })
      .Case([&](DequantizeOp numbers) { return emitDequantize(k, numbers); })
      .Case([&](CodesOp codes) { return emitCodes(k, codes); })
      .Case([&](WrapOp wrap) { return emitWrap(k, wrap); })
      .Case([&](QuantizeOp quantize) { return emitQuantize(k, quantize); })
      .Case([&](RotateOp rotate) { return emitRotate(k, rotate); })
      .Case([&](nn::SelectFeaturesOp select) { return emitSelect(k, select); })
      .Case([&](nn::AttentionOp attention) {
        return emitAttention(k, attention);
      })
      .Case([&](func::CallOp call) { return emitCall(k, call); })
      .Case([&](nn::AddOp) { return emitBinary(k, op, BinaryKind::Add); })
      .Case([&](nn::MulOp) { return emitBinary(k, op, BinaryKind::Mul); })
      .Case([&](nn::ActivationOp activation) {
        return simple(getActivationKernel(lib, activation.getKind()),
                      {context, pointer(activation.getInput()),
                       pointer(activation.getResult()),
                       countOf(k, activation.getInput())});
      })
      .Case([&](nn::ClampOp clamp) {
        return simple(
            getClampKernel(lib, float(clamp.getLow().convertToDouble()),
                           float(clamp.getHigh().convertToDouble())),
            {context, pointer(clamp.getInput()), pointer(clamp.getResult()),
             countOf(k, clamp.getInput())});
      })
      .Case([&](nn::EmbeddingOp embedding) {
        return simple(
            getEmbeddingKernel(lib, getElementTypeOrSelf(embedding.getTable()),
                               featuresOf(embedding.getTable())),
            {context, pointer(embedding.getIds()),
             pointer(embedding.getTable()), pointer(embedding.getResult()),
             rowsOf(k, embedding.getResult())});
      })
      .Case([&](qnt::EmbeddingOp embedding) {
        QTensorType table = embedding.getTable().getType();
        ArrayRef<Value> parts = pointers(embedding.getTable());
        Value rows = rowsOf(k, embedding.getResult());
        if (!table.hasScale()) {
          unsigned bits = table.getFormat().getBits();
          Type element = bits == 32 ? k.f32()
                         : table.getFormat().getDecodeSpec().exponent == 8
                             ? k.bf16()
                             : k.f16();
          return simple(
              getEmbeddingKernel(lib, element, table.getShape().back()),
              {context, pointer(embedding.getIds()), parts[0],
               pointer(embedding.getResult()), rows});
        }
        return simple(getQuantizedEmbeddingKernel(lib, table),
                      {context, pointer(embedding.getIds()), parts[0], parts[1],
                       table.hasZeros() ? parts[2] : null(k),
                       pointer(embedding.getResult()), rows});
      })
      .Case([&](nn::PositionIdsOp positions) {
        return simple(getPositionIdsKernel(lib),
                      {context, pointerOrNull(k, positions.getStart()),
                       pointer(positions.getResult()),
                       dimOf(k, positions.getResult(), 0),
                       dimOf(k, positions.getResult(), 1)});
      })
      .Case([&](nn::SelectRowsOp select) {
        return simple(
            getSelectRowsKernel(lib, featuresOf(select.getInput())),
            {context, pointer(select.getInput()),
             pointerOrNull(k, select.getRows()), pointer(select.getResult()),
             dimOf(k, select.getInput(), 0), dimOf(k, select.getInput(), 1)});
      })
      .Case([&](nn::MeanPoolOp pool) {
        return simple(getMeanPoolKernel(lib, featuresOf(pool.getInput())),
                      {context, pointer(pool.getInput()),
                       pointer(pool.getLengths()), pointer(pool.getResult()),
                       dimOf(k, pool.getInput(), 0),
                       dimOf(k, pool.getInput(), 1)});
      })
      .Case([&](nn::RMSNormOp norm) {
        return simple(
            getRMSNormKernel(lib, featuresOf(norm.getInput()), norm.getGroups(),
                             norm.getEps().convertToDouble()),
            {context, pointer(norm.getInput()), pointer(norm.getScale()),
             pointer(norm.getResult()), rowsOf(k, norm.getInput())});
      })
      .Case([&](nn::LayerNormOp norm) {
        return simple(getLayerNormKernel(lib, featuresOf(norm.getInput()),
                                         norm.getEps().convertToDouble()),
                      {context, pointer(norm.getInput()),
                       pointer(norm.getScale()), pointer(norm.getShift()),
                       pointer(norm.getResult()), rowsOf(k, norm.getInput())});
      })
      .Case([&](nn::MatmulOp matmul) { return emitMatmul(k, matmul); })
      .Case([&](nn::SoftmaxOp softmax) {
        Value input = softmax.getInput();
        unsigned last = softmax.getType().getRank() - 1;
        return simple(getSoftmaxKernel(lib),
                      {context, pointer(input), pointer(softmax.getResult()),
                       rowsOf(k, input), dimOf(k, input, last)});
      })
      .Case([&](nn::L2NormalizeOp norm) {
        return simple(getL2NormalizeKernel(lib, featuresOf(norm.getInput())),
                      {context, pointer(norm.getInput()),
                       pointer(norm.getResult()), rowsOf(k, norm.getInput())});
      })
      .Case([&](nn::RopeTableOp table) {
        Value positions = table.getPositions();
        return simple(getRopeTableKernel(lib, table),
                      {context, pointer(positions), pointer(table.getResult()),
                       extent(k, positions, 0, 2)});
      })
      .Case([&](nn::RopeOp rope) {
        int64_t features = featuresOf(rope.getInput());
        return simple(
            getRopeKernel(lib, rope.getHeads(), features / rope.getHeads(),
                          featuresOf(rope.getTable()), rope.getInterleaved()),
            {context, pointer(rope.getInput()), pointer(rope.getTable()),
             pointer(rope.getResult()), rowsOf(k, rope.getInput())});
      })
      .Default([](Operation *other) {
        return other->emitOpError("has no lowering in the CPU target");
      });
}
