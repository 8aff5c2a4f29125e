//===- Lanes.cpp - the body of a linalg op on lanes -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Lanes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt::cpu;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Half floats move as the integers that they are.
static Type memoryType(KernelBuilder &k, Type element) {
  if (element.isInteger(1))
    return k.i8();
  if (element.isF16() || element.isBF16())
    return k.i16();
  return getComputeType(element);
}

static Value fromMemory(KernelBuilder &k, Value value, Type element) {
  auto like = [&](Type type) -> Type {
    auto vector = dyn_cast<VectorType>(value.getType());
    return vector ? vector.clone(type) : type;
  };
  if (element.isInteger(1))
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, value,
                                 k.constant(value.getType(), 0));
  if (element.isBF16())
    return k.bitcast(k.shl(k.zext(value, k.i32()), 16), like(k.f32()));
  if (element.isF16())
    return k.extF(k.bitcast(value, like(element)), k.f32());
  return value;
}

static Value toMemory(KernelBuilder &k, Value value, Type element) {
  if (element.isInteger(1))
    return k.zext(value, k.i8());
  if (!element.isF16() && !element.isBF16())
    return value;
  Value half = k.truncF(value, element);
  auto vector = dyn_cast<VectorType>(half.getType());
  return k.bitcast(half, vector ? Type(vector.clone(k.i16())) : k.i16());
}

Value qnt::cpu::emitNumber(KernelBuilder &k, TypedAttr value) {
  if (value.getType().isIndex())
    return k.c64(cast<IntegerAttr>(value).getInt());
  if (auto number = dyn_cast<FloatAttr>(value))
    return k.constant(getComputeType(value.getType()),
                      number.getValueAsDouble());
  return arith::ConstantOp::create(k.b, k.loc, value);
}

Value qnt::cpu::loadNumber(KernelBuilder &k, Type element, Value pointer) {
  return fromMemory(k, k.load(memoryType(k, element), pointer), element);
}

Value qnt::cpu::loadNumbers(KernelBuilder &k, Type element, Value pointer,
                            Value count) {
  Type memory = memoryType(k, element);
  Value value = count ? k.loadPartial(memory, pointer, count)
                      : k.load(k.vec(memory), pointer);
  return fromMemory(k, value, element);
}

Value qnt::cpu::gatherNumbers(KernelBuilder &k, Type element, Value pointer,
                              Value offsets, Value count) {
  Type memory = memoryType(k, element);
  Type pointers = LLVM::getVectorType(k.ptr(), kLanes);
  Value from = LLVM::GEPOp::create(k.b, k.loc, pointers, k.i8(), pointer,
                                   ArrayRef<LLVM::GEPArg>{offsets});
  VectorType type = k.vec(memory);
  Value mask =
      count ? k.laneMask(count) : k.constant(k.vec(k.b.getI1Type()), 1);
  Value value = LLVM::masked_gather::create(k.b, k.loc, type, from, mask,
                                            ValueRange{k.constant(type, 0)}, 1);
  return fromMemory(k, value, element);
}

void qnt::cpu::storeNumber(KernelBuilder &k, Value value, Type element,
                           Value pointer) {
  k.store(toMemory(k, value, element), pointer);
}

void qnt::cpu::storeNumbers(KernelBuilder &k, Value value, Type element,
                            Value pointer, Value count) {
  Value memory = toMemory(k, value, element);
  if (count)
    k.storePartial(memory, pointer, count);
  else
    k.store(memory, pointer);
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

Value qnt::cpu::widen(KernelBuilder &k, Lanes lanes) {
  if (lanes.isRamp)
    return k.add(k.splat(lanes.value), k.sext(k.iota(), k.i64()));
  return lanes.isShared() ? k.splat(lanes.value) : lanes.value;
}

void BodyEmitter::emit(function_ref<Lanes(int64_t)> index,
                       ArrayRef<Operation *> skip) {
  for (Operation &op : body.without_terminator()) {
    if (llvm::is_contained(skip, &op))
      continue;
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      setConstant(constant);
    else if (auto loop = dyn_cast<linalg::IndexOp>(op))
      values[loop] = index(int64_t(loop.getDim()));
    else
      values[op.getResult(0)] = emitOp(op);
  }
}

void BodyEmitter::setConstant(arith::ConstantOp constant) {
  values[constant] = {emitNumber(k, constant.getValue())};
}

Lanes BodyEmitter::emitOp(Operation &op) {
  if (isa<tensor::ExtractOp>(op))
    return emitExtract(op);
  SmallVector<Lanes> operands;
  for (Value operand : op.getOperands())
    operands.push_back(get(operand));
  bool areShared =
      llvm::all_of(operands, [](const Lanes &x) { return x.isShared(); });
  // Ramps stay ramps where a number is added, so that gathers can tell.
  if (isa<arith::IndexCastOp>(op) && operands[0].isRamp &&
      getComputeType(op.getResult(0).getType()) == k.i64())
    return operands[0];
  if (isa<arith::AddIOp, arith::SubIOp>(op) && operands[0].isRamp &&
      operands[1].isShared())
    return {emitScalarOp(k, &op, {operands[0].value, operands[1].value}), true};
  if (isa<arith::AddIOp>(op) && operands[1].isRamp && operands[0].isShared())
    return {emitScalarOp(k, &op, {operands[0].value, operands[1].value}), true};
  SmallVector<Value> numbers;
  for (const Lanes &operand : operands)
    numbers.push_back(areShared ? operand.value : widen(k, operand));
  return {emitScalarOp(k, &op, numbers)};
}

/// Reads elements whose indices may be anything: they are clamped, as nothing
/// outside of the tensor may be read.
Lanes BodyEmitter::emitExtract(Operation &op) {
  auto extract = cast<tensor::ExtractOp>(op);
  const BodySource &source = sources.at(extract.getTensor());
  Type element = extract.getType();
  Value width = k.c64(getByteWidth(element)), zero = k.c64(0);
  Value shared = zero, offsets;
  Lanes ramp;
  Value rampDim, step = width;
  for (int64_t i = int64_t(source.dims.size()) - 1; i >= 0; --i) {
    Lanes index = get(extract.getIndices()[i]);
    Value last = k.sub(source.dims[i], k.c64(1));
    bool isLast = i + 1 == int64_t(source.dims.size());
    if (index.isShared()) {
      Value inside = k.maxS(k.minS(index.value, last), zero);
      shared = k.add(shared, k.mul(inside, step));
    } else if (index.isRamp && isLast) {
      ramp = index;
      rampDim = source.dims[i];
    } else {
      Value inside =
          k.maxS(k.minS(widen(k, index), k.splat(last)), k.splat(zero));
      Value scaled = k.mul(inside, k.splat(step));
      offsets = offsets ? k.add(offsets, scaled) : scaled;
    }
    step = k.mul(step, source.dims[i]);
  }
  Value pointer = k.at(source.pointer, shared);
  if (!ramp.value && !offsets)
    return {loadNumber(k, element, pointer)};
  auto clampRamp = [&] {
    Value last = k.sub(rampDim, k.c64(1));
    Value inside = k.maxS(k.minS(widen(k, ramp), k.splat(last)), k.splat(zero));
    return k.mul(inside, k.splat(width));
  };
  if (!ramp.value || offsets) {
    if (ramp.value)
      offsets = k.add(offsets, clampRamp());
    return {gatherNumbers(k, element, pointer, offsets, count)};
  }
  // Consecutive elements, unless some lanes are clamped.
  Value end = k.add(ramp.value, count ? count : k.c64(kLanes));
  Value isInside = k.band(k.geS(ramp.value, zero), k.geS(rampDim, end));
  auto choice =
      scf::IfOp::create(k.b, k.loc, TypeRange{k.vec(getComputeType(element))},
                        isInside, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(choice.thenBlock());
  Value from = k.at(pointer, k.mul(ramp.value, width));
  scf::YieldOp::create(k.b, k.loc, loadNumbers(k, element, from, count));
  k.b.setInsertionPointToStart(choice.elseBlock());
  Value gathered = gatherNumbers(k, element, pointer, clampRamp(), count);
  scf::YieldOp::create(k.b, k.loc, gathered);
  return {choice.getResult(0)};
}
