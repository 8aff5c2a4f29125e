//===- FunctionLowering.cpp - one function to host code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"
#include "OpRecord.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::target;

SmallVector<std::string>
qnt::target::getParamNames(ml_program::GlobalLoadConstOp load) {
  std::string name = load.getGlobal().getLeafReference().str();
  auto type = dyn_cast<QTensorType>(load.getType());
  if (!type || type.getLayout())
    return {name};
  if (!type.hasScale())
    return {name + ".codes"};
  SmallVector<std::string> names{name + ".codes", name + ".scales"};
  if (type.hasZeros())
    names.push_back(name + (type.hasOffsets() ? ".offsets" : ".zeros"));
  return names;
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

bool FunctionLowering::isLaidOut(Type type) {
  auto quantized = dyn_cast<QTensorType>(type);
  return quantized &&
         isa_and_present<RowsAttr, ImageAttr>(quantized.getLayout());
}

LogicalResult FunctionLowering::checkSequences(nn::AttentionOp op) const {
  Dim sequences = symbols.getDims(op.getQuery())[0];
  if (!op.getCache() ||
      (sequences.isConstant ? sequences.value == 1
                            : symbols.getName(sequences) == "batch"))
    return success();
  return op.emitOpError("a KV cache holds one sequence, or as many as the "
                        "dimension 'batch' of qnt.dims tells");
}

void FunctionLowering::reserveCodes(Value value, QTensorType type,
                                    int64_t step) {
  // An op without a lowering is refused where it is lowered.
  if (!isa_and_present<RowsAttr>(type.getLayout()))
    return;
  RowsGeometry g = RowsGeometry::of(type);
  ArrayRef<Dim> rows = symbols.getDims(value).drop_back();
  for (int64_t bytes : {g.rowBytes, int64_t(4), int64_t(4),
                        std::max<int64_t>(4, 4 * g.sumsPerRow)})
    buffers[value].push_back(
        memory.add(symbols.table, rows, bytes, step, step));
}

void FunctionLowering::reserve(Value value, int64_t step) {
  if (auto type = dyn_cast<QTensorType>(value.getType()))
    return reserveCodes(value, type, step);
  auto type = cast<RankedTensorType>(value.getType());
  buffers[value].push_back(memory.add(symbols.table, symbols.getDims(value),
                                      getByteWidth(type.getElementType()), step,
                                      step));
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
    reserveScratch(op, step);
    ++step;
  }
  memory.place();
}

//===----------------------------------------------------------------------===//
// Dimensions and addresses
//===----------------------------------------------------------------------===//

Value FunctionLowering::extent(CodeBuilder &k, Value value, unsigned first,
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

Value FunctionLowering::emitProduct(CodeBuilder &k,
                                    const MemoryPlan::Monomial &monomial) {
  Value product = k.c64(1);
  for (auto [symbol, padded] : monomial)
    product = k.mul(product, emitDim(k, Dim{false, symbol, padded}));
  return product;
}

Value FunctionLowering::bufferAt(CodeBuilder &k, unsigned buffer) {
  const MemoryPlan::Buffer &place = memory.buffers[buffer];
  auto [base, product] = regionBases.at(place.region);
  return k.at(frame, k.add(base, k.mul(product, k.c64(place.unitOffset))));
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

void FunctionLowering::emitFrameFunction() {
  OpBuilder b = OpBuilder::atBlockEnd(program.host.getBody());
  Type i64 = b.getI64Type();
  SmallVector<Type> args(symbols.getNumSymbols(), i64);
  auto frameBytes = LLVM::LLVMFuncOp::create(
      b, function.getLoc(), "frame." + function.getName().str(),
      LLVM::LLVMFunctionType::get(i64, args), LLVM::Linkage::Internal);
  program.frames[function.getName().str()] = frameBytes;
  b.setInsertionPointToStart(frameBytes.addEntryBlock(b));
  CodeBuilder k(b, function.getLoc());
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
    const FunctionSymbols &callee = program.symbols.at(call.getCallee().str());
    for (Dim dim : symbols.getCallSymbols(call, callee))
      actual.push_back(emitDim(k, dim));
    Value bytes = program.emitFrameBytes(k, call.getCallee(), actual);
    isBad = k.bor(isBad, k.ltS(bytes, zero));
    called = k.maxS(called, bytes);
  });
  Value bytes = k.select(isBad, k.c64(-1), k.add(own, called));
  LLVM::ReturnOp::create(b, k.loc, bytes);
}

LogicalResult FunctionLowering::run() {
  // Weights without a layout are refused where they are used.
  if (llvm::any_of(function.getArgumentTypes(), isLaidOut) ||
      llvm::any_of(function.getResultTypes(), isLaidOut))
    return function.emitError("no quantised activations are passed between "
                              "functions");
  plan();
  emitFrameFunction();

  OpBuilder types(program.host.getContext());
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
  std::string name = function.getName().str();
  LogicalResult status = success();
  program.bodies[name] = getFunction(
      program.host, "body." + name, args,
      [&](CodeBuilder &k, ValueRange values) { status = emitBody(k, values); });
  return status;
}

LogicalResult FunctionLowering::emitBody(CodeBuilder &k, ValueRange values) {
  context = values[0];
  params = values[1];
  frame = values[2];
  values = values.drop_front(3);
  symbolValues = llvm::to_vector(values.take_front(symbols.getNumSymbols()));
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
    if (auto ret = dyn_cast<func::ReturnOp>(op))
      return emitReturn(k, ret, values);
    k.loc = op.getLoc();
    if (!live.contains(&op))
      continue;
    placeResults(k, op);
    if (failed(emitOp(k, op)))
      return failure();
  }
  return success();
}

void FunctionLowering::placeResults(CodeBuilder &k, Operation &op) {
  for (Value result : op.getResults()) {
    // Those that are returned were placed with the arguments.
    if (isParam(result) || isConstant(result) || root(result) != result ||
        returned.count(result))
      continue;
    for (unsigned buffer : buffers.lookup(result))
      places[result].push_back(bufferAt(k, buffer));
  }
}

/// What is not computed in place is copied.
LogicalResult FunctionLowering::emitReturn(CodeBuilder &k, func::ReturnOp op,
                                           ValueRange results) {
  for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
    auto direct = returned.find(root(operand));
    if (direct != returned.end() && direct->second == i)
      continue;
    int64_t width = getByteWidth(getElementTypeOrSelf(operand.getType()));
    if (failed(emitCopy(k, pointer(operand), results[i],
                        k.mul(countOf(k, operand), k.c64(width)))))
      return failure();
  }
  return success();
}

LogicalResult FunctionLowering::emitCall(CodeBuilder &k, func::CallOp op) {
  std::string callee = op.getCallee().str();
  const FunctionSymbols &target = program.symbols.at(callee);
  SmallVector<Value> args{context, params, frameEnd};
  for (Dim dim : symbols.getCallSymbols(op, target))
    args.push_back(emitDim(k, dim));
  for (Value operand : op.getOperands()) {
    args.push_back(pointer(operand));
    if (isa<nn::KVCacheType>(operand.getType()))
      args.push_back(capacities[operand]);
  }
  for (Value result : op.getResults())
    args.push_back(pointer(result));
  k.call(program.bodies.at(callee), args);
  return success();
}

void FunctionLowering::emitLoad(CodeBuilder &k,
                                ml_program::GlobalLoadConstOp load) {
  for (const std::string &tensor : getParamNames(load))
    places[load.getResult()].push_back(
        k.load(k.ptr(), k.at(params, 8 * program.getParam(tensor)), 8));
}

void FunctionLowering::record(CodeBuilder &k, Operation &op, StringRef kernel,
                              Value output, int64_t macs, int64_t bytes) {
  int64_t id = program.ops.size();
  program.ops.push_back(describeOp(op, symbols, kernel, macs, bytes));

  // The shape is passed as numbers, and stored only for those that look.
  ArrayRef<Dim> dims = symbols.getDims(op.getResult(0));
  SmallVector<Type> types{k.ptr(), k.i64(), k.ptr()};
  types.append(dims.size(), k.i64());
  auto report = getFunction(
      program.host, "qnt.after_op." + std::to_string(dims.size()), types,
      [](CodeBuilder &k, ValueRange args) {
        // qnt_context.after_op is the fourth field.
        Value hook = k.load(k.ptr(), k.at(args[0], 24), 8);
        Value isSet =
            LLVM::ICmpOp::create(k.b, k.loc, LLVM::ICmpPredicate::ne, hook,
                                 LLVM::ZeroOp::create(k.b, k.loc, k.ptr()));
        ValueRange sizes = args.drop_front(3);
        Value shape = k.stack(std::max<int64_t>(8, 8 * sizes.size()));
        k.ifThen(isSet, [&] {
          for (auto [i, size] : llvm::enumerate(sizes))
            k.store(size, k.at(shape, int64_t(8 * i)), 8);
          auto type = LLVM::LLVMFunctionType::get(
              LLVM::LLVMVoidType::get(k.b.getContext()),
              {k.ptr(), k.i64(), k.ptr(), k.ptr()});
          LLVM::CallOp::create(
              k.b, k.loc, type,
              ValueRange{hook, args[0], args[1], args[2], shape});
        });
      });
  SmallVector<Value> args{context, k.c64(id), output};
  for (Dim dim : dims)
    args.push_back(emitDim(k, dim));
  k.call(report, args);
}
