//===- LowerFunction.cpp - the frame and body of a function -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Convolutions.h"
#include "FunctionLowering.h"

#include "../Kernels/Lanes.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

CacheGeometry qnt::cpu::getCacheGeometry(nn::AttentionOp op) {
  Type element = op.getCache() ? op.getCache().getType().getElementType()
                               : Float32Type::get(op.getContext());
  return {int64_t(op.getKvHeads()), op.getHeadDim(), element};
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

Value FunctionLowering::root(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::CastOp, tensor::ReshapeOp, tensor::CollapseShapeOp,
             tensor::ExpandShapeOp, ObserveOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

void FunctionLowering::reserve(Value value, int64_t step) {
  ArrayRef<Dim> dims = symbols.getDims(value);
  SmallVector<unsigned> &list = buffers[value];
  auto add = [&](int64_t bytesPerRow) {
    list.push_back(
        memory.add(symbols.table, dims.drop_back(), bytesPerRow, step, step));
  };
  if (auto type = dyn_cast<QTensorType>(value.getType())) {
    // An op without a lowering is refused where it is lowered.
    if (!type.getLayout())
      return;
    if (isa<ImageAttr>(type.getLayout())) {
      int64_t leading = dims.size() == 4 ? 1 : int64_t(dims.size()) - 1;
      list.push_back(memory.add(symbols.table, dims.take_front(leading),
                                Grid::of(type).imageBytes, step, step));
      return;
    }
    RowsGeometry g = RowsGeometry::of(type);
    add(g.rowBytes);
    add(4);
    add(4);
    add(std::max<int64_t>(4, 4 * g.sumsPerRow));
    return;
  }
  auto type = cast<RankedTensorType>(value.getType());
  list.push_back(memory.add(symbols.table, dims,
                            getByteWidth(type.getElementType()), step, step));
}

void FunctionLowering::findLive() {
  llvm::DenseSet<Value> needed;
  for (Operation &op : llvm::reverse(function.getBody().front())) {
    bool isNeeded =
        op.getNumResults() == 0 || isa<func::CallOp, ObserveOp>(op) ||
        llvm::any_of(op.getResults(),
                     [&](Value value) { return needed.contains(value); });
    if (!isNeeded)
      continue;
    live.insert(&op);
    for (Value operand : getMemoryOperands(op))
      needed.insert(operand);
  }
}

void FunctionLowering::plan() {
  Block &block = function.getBody().front();
  auto ret = cast<func::ReturnOp>(block.getTerminator());
  for (auto [i, operand] : llvm::enumerate(ret.getOperands())) {
    Value value = root(operand);
    if (value.getDefiningOp() && !isParam(value) && !isConstant(value))
      returned.try_emplace(value, i);
  }
  findLive();
  int64_t step = 0;
  for (Operation &op : block) {
    if (!live.contains(&op))
      continue;
    for (Value operand : getMemoryOperands(op))
      for (unsigned buffer : buffers.lookup(root(operand)))
        memory.extend(buffer, step);
    for (Value result : op.getResults())
      if (root(result) == result && !isParam(result) && !isConstant(result) &&
          !returned.count(result) && symbols.has(result))
        reserve(result, step);
    if (auto attention = dyn_cast<nn::AttentionOp>(op);
        attention && !attention.getCache()) {
      ArrayRef<Dim> dims = symbols.getDims(attention.getKey());
      Dim tokens = dims[1];
      if (tokens.isConstant)
        tokens.value = llvm::alignTo(tokens.value, kLanes);
      else
        tokens.padded = true;
      scratch[&op] = memory.add(symbols.table, {dims[0], tokens},
                                getCacheGeometry(attention).bytesPerPosition(),
                                step, step);
    }
    if (auto conv = dyn_cast<qnt::ConvOp>(op))
      if (auto padded = getPaddedShape(conv); !padded.empty())
        scratch[&op] = memory.add(
            symbols.table, symbols.getDims(conv.getInput()).take_front(1),
            4 * padded[1] * padded[2] * padded[3], step, step);
    ++step;
  }
  memory.place();
}

//===----------------------------------------------------------------------===//
// Dimensions and addresses
//===----------------------------------------------------------------------===//

Value FunctionLowering::extent(KernelBuilder &k, Value value, unsigned first,
                               unsigned last) {
  int64_t constant = 1;
  Value product;
  for (Dim dim : symbols.getDims(value).slice(first, last - first)) {
    if (dim.isConstant) {
      constant *= dim.value;
      continue;
    }
    Value size = emitDim(k, dim);
    product = product ? k.mul(product, size) : size;
  }
  if (!product)
    return k.c64(constant);
  return constant == 1 ? product : k.mul(product, k.c64(constant));
}

Value FunctionLowering::emitProduct(KernelBuilder &k,
                                    const MemoryPlan::Monomial &monomial) {
  Value product = k.c64(1);
  for (auto [symbol, padded] : monomial)
    product = k.mul(product, emitDim(k, Dim{false, symbol, padded}));
  return product;
}

Value FunctionLowering::bufferAt(KernelBuilder &k, unsigned buffer) {
  const MemoryPlan::Buffer &place = memory.buffers[buffer];
  auto [base, product] = regionBases.at(place.region);
  return k.at(frame, k.add(base, k.mul(product, k.c64(place.unitOffset))));
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

Value qnt::cpu::emitFrameBytes(ModuleLowering &module, KernelBuilder &k,
                               StringRef function, ValueRange symbols) {
  return LLVM::CallOp::create(k.b, k.loc, module.frames.at(function.str()),
                              symbols)
      .getResult();
}

void FunctionLowering::emitFrameFunction() {
  OpBuilder b(module.lib.module.getContext());
  b.setInsertionPointToEnd(module.lib.module.getBody());
  Type i64 = b.getI64Type();
  SmallVector<Type> args(symbols.getNumSymbols(), i64);
  auto frameBytes = LLVM::LLVMFuncOp::create(
      b, function.getLoc(), "frame." + function.getName().str(),
      LLVM::LLVMFunctionType::get(i64, args), LLVM::Linkage::Internal);
  module.frames[function.getName().str()] = frameBytes;
  b.setInsertionPointToStart(frameBytes.addEntryBlock(b));
  KernelBuilder k(b, function.getLoc(), module.lib.isa);
  symbolValues = llvm::to_vector_of<Value>(frameBytes.getArguments());
  Value zero = k.c64(0), own = zero, called = zero;
  Value isBad = k.ltS(zero, zero);
  for (const FunctionSymbols::Condition &condition : symbols.conditions) {
    Value x = emitDim(k, condition.x), y = emitDim(k, condition.y);
    Value isBroken = k.ltS(y, x);
    if (condition.isEqual)
      isBroken = k.bor(isBroken, k.ltS(x, y));
    isBad = k.bor(isBad, isBroken);
  }
  for (auto &[monomial, bytes] : memory.regions)
    own = k.add(own, k.mul(emitProduct(k, monomial), k.c64(bytes)));
  function.walk([&](func::CallOp call) {
    SmallVector<Value> actual;
    const FunctionSymbols &callee = module.symbols.at(call.getCallee().str());
    for (Dim dim : symbols.getCallSymbols(call, callee))
      actual.push_back(emitDim(k, dim));
    Value bytes = emitFrameBytes(module, k, call.getCallee(), actual);
    isBad = k.bor(isBad, k.ltS(bytes, zero));
    called = k.maxS(called, bytes);
  });
  Value bytes = k.select(isBad, k.c64(-1), k.add(own, called));
  LLVM::ReturnOp::create(b, k.loc, bytes);
}

LogicalResult FunctionLowering::run() {
  // Weights without a layout are refused where they are used.
  auto isActivation = [](Type type) {
    auto quantized = dyn_cast<QTensorType>(type);
    return quantized &&
           isa_and_present<RowsAttr, ImageAttr>(quantized.getLayout());
  };
  if (llvm::any_of(function.getArgumentTypes(), isActivation) ||
      llvm::any_of(function.getResultTypes(), isActivation))
    return function.emitError("the CPU target passes no quantised activations "
                              "between functions");
  plan();
  emitFrameFunction();

  OpBuilder types(module.lib.module.getContext());
  Type pointerType = LLVM::LLVMPointerType::get(types.getContext());
  Type i64 = types.getI64Type();
  SmallVector<Type> args(3, pointerType);
  args.append(symbols.getNumSymbols(), i64);
  for (Type type : function.getArgumentTypes()) {
    args.push_back(pointerType);
    if (isa<nn::KVCacheType>(type))
      args.push_back(i64);
  }
  args.append(function.getNumResults(), pointerType);

  LogicalResult status = success();
  std::string name = "body." + function.getName().str();
  module.bodies[function.getName().str()] =
      module.lib.get(name, args, [&](KernelBuilder &k, ValueRange values) {
        context = values[0];
        params = values[1];
        frame = values[2];
        values = values.drop_front(3);
        symbolValues =
            llvm::to_vector(values.take_front(symbols.getNumSymbols()));
        values = values.drop_front(symbols.getNumSymbols());
        for (BlockArgument argument : function.getArguments()) {
          places[argument] = {values.front()};
          values = values.drop_front();
          if (isa<nn::KVCacheType>(argument.getType())) {
            capacities[argument] = values.front();
            values = values.drop_front();
          }
        }
        for (auto [value, index] : returned)
          places[value] = {values[index]};
        Value offset = k.c64(0);
        for (auto &[monomial, bytes] : memory.regions) {
          Value product = emitProduct(k, monomial);
          regionBases[monomial] = {offset, product};
          offset = k.add(offset, k.mul(product, k.c64(bytes)));
        }
        frameEnd = k.at(frame, offset);
        for (Operation &op : function.getBody().front()) {
          if (auto ret = dyn_cast<func::ReturnOp>(op)) {
            // What is not computed in place is copied.
            for (auto [i, operand] : llvm::enumerate(ret.getOperands())) {
              auto direct = returned.find(root(operand));
              if (direct != returned.end() && direct->second == i)
                continue;
              int64_t width =
                  getByteWidth(getElementTypeOrSelf(operand.getType()));
              Value bytes =
                  k.mul(extent(k, operand, 0, symbols.getDims(operand).size()),
                        k.c64(width));
              k.call(getCopyKernel(module.lib),
                     {context, pointer(operand), values[i], bytes});
            }
            return;
          }
          k.loc = op.getLoc();
          if (!live.contains(&op))
            continue;
          if (failed(emitOp(k, op))) {
            status = failure();
            return;
          }
        }
      });
  return status;
}

LogicalResult qnt::cpu::lowerFunction(ModuleLowering &module,
                                      func::FuncOp function) {
  return FunctionLowering(module, function).run();
}
