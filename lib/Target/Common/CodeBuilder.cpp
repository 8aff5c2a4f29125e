//===- CodeBuilder.cpp - a vocabulary for writing kernels -------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CodeBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt::target;

Type qnt::target::withShapeOf(Type element, Type like) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

static bool isFloat(Value x) {
  return isa<FloatType>(getElementTypeOrSelf(x.getType()));
}

Value CodeBuilder::constant(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attr;
  if (auto floating = dyn_cast<FloatType>(element))
    attr = b.getFloatAttr(floating, value);
  else
    attr = b.getIntegerAttr(element, int64_t(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return arith::ConstantOp::create(b, loc, attr);
}

Value CodeBuilder::c64(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
}

Value CodeBuilder::c32(int32_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value));
}

Value CodeBuilder::cf32(float value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}

Value CodeBuilder::cf64(double value) {
  return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
}

Value CodeBuilder::add(Value x, Value y) {
  if (isFloat(x))
    return arith::AddFOp::create(b, loc, x, y);
  return arith::AddIOp::create(b, loc, x, y);
}

Value CodeBuilder::sub(Value x, Value y) {
  if (isFloat(x))
    return arith::SubFOp::create(b, loc, x, y);
  return arith::SubIOp::create(b, loc, x, y);
}

Value CodeBuilder::mul(Value x, Value y) {
  if (isFloat(x))
    return arith::MulFOp::create(b, loc, x, y);
  return arith::MulIOp::create(b, loc, x, y);
}

Value CodeBuilder::fdiv(Value x, Value y) {
  return arith::DivFOp::create(b, loc, x, y);
}

Value CodeBuilder::divS(Value x, Value y) {
  return arith::DivSIOp::create(b, loc, x, y);
}

Value CodeBuilder::remS(Value x, Value y) {
  return arith::RemSIOp::create(b, loc, x, y);
}

Value CodeBuilder::divU(Value x, Value y) {
  return arith::DivUIOp::create(b, loc, x, y);
}

Value CodeBuilder::remU(Value x, Value y) {
  return arith::RemUIOp::create(b, loc, x, y);
}

Value CodeBuilder::minS(Value x, Value y) {
  return arith::MinSIOp::create(b, loc, x, y);
}

Value CodeBuilder::maxS(Value x, Value y) {
  return arith::MaxSIOp::create(b, loc, x, y);
}

// Compare and select: one instruction, where the IEEE minimum takes several.
Value CodeBuilder::minF(Value x, Value y) { return select(ltF(x, y), x, y); }

Value CodeBuilder::maxF(Value x, Value y) { return select(gtF(x, y), x, y); }

Value CodeBuilder::absF(Value x) { return math::AbsFOp::create(b, loc, x); }

Value CodeBuilder::negF(Value x) { return arith::NegFOp::create(b, loc, x); }

Value CodeBuilder::fma(Value x, Value y, Value z) {
  return LLVM::FMulAddOp::create(b, loc, x.getType(), x, y, z);
}

Value CodeBuilder::band(Value x, Value y) {
  return arith::AndIOp::create(b, loc, x, y);
}

Value CodeBuilder::bor(Value x, Value y) {
  return arith::OrIOp::create(b, loc, x, y);
}

Value CodeBuilder::bxor(Value x, Value y) {
  return arith::XOrIOp::create(b, loc, x, y);
}

Value CodeBuilder::shl(Value x, unsigned bits) {
  return bits ? arith::ShLIOp::create(b, loc, x, constant(x.getType(), bits))
                    .getResult()
              : x;
}

Value CodeBuilder::shrU(Value x, unsigned bits) {
  return bits ? arith::ShRUIOp::create(b, loc, x, constant(x.getType(), bits))
                    .getResult()
              : x;
}

Value CodeBuilder::shrS(Value x, unsigned bits) {
  return bits ? arith::ShRSIOp::create(b, loc, x, constant(x.getType(), bits))
                    .getResult()
              : x;
}

Value CodeBuilder::ceilDiv(Value x, int64_t d) {
  if (d == 1)
    return x;
  return arith::DivUIOp::create(b, loc, add(x, constant(x.getType(), d - 1)),
                                constant(x.getType(), d));
}

Value CodeBuilder::ltS(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
}

Value CodeBuilder::geS(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, x, y);
}

Value CodeBuilder::eq(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
}

Value CodeBuilder::ltF(Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
}

Value CodeBuilder::gtF(Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
}

Value CodeBuilder::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, loc, condition, x, y);
}

Value CodeBuilder::bitcast(Value x, Type type) {
  if (x.getType() == type)
    return x;
  return LLVM::BitcastOp::create(b, loc, type, x);
}

Value CodeBuilder::sitofp(Value x, Type element) {
  return arith::SIToFPOp::create(b, loc, withShapeOf(element, x.getType()), x);
}

Value CodeBuilder::sext(Value x, Type element) {
  return arith::ExtSIOp::create(b, loc, withShapeOf(element, x.getType()), x);
}

Value CodeBuilder::zext(Value x, Type element) {
  return arith::ExtUIOp::create(b, loc, withShapeOf(element, x.getType()), x);
}

Value CodeBuilder::trunc(Value x, Type element) {
  return arith::TruncIOp::create(b, loc, withShapeOf(element, x.getType()), x);
}

Value CodeBuilder::sqrt(Value x) { return math::SqrtOp::create(b, loc, x); }

Value CodeBuilder::at(Value pointer, Value offset) {
  return LLVM::GEPOp::create(b, loc, pointer.getType(), i8(), pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}

Value CodeBuilder::at(Value pointer, int64_t offset) {
  if (offset == 0)
    return pointer;
  return at(pointer, c64(offset));
}

Value CodeBuilder::load(Type type, Value pointer, unsigned align) {
  return LLVM::LoadOp::create(b, loc, type, pointer, align);
}

void CodeBuilder::store(Value value, Value pointer, unsigned align) {
  LLVM::StoreOp::create(b, loc, value, pointer, align);
}

SmallVector<Value> CodeBuilder::loop(Value low, Value high, int64_t step,
                                     ValueRange state, LoopBody body) {
  auto loop = scf::ForOp::create(
      b, loc, low, high, constant(low.getType(), step), state,
      [&](OpBuilder &, Location, Value iv, ValueRange iters) {
        OpBuilder::InsertionGuard guard(b);
        // The nested builder is at the new block; so is ours from here on.
        b.setInsertionPointToEnd(iv.getParentBlock());
        SmallVector<Value> next = body(iv, iters);
        scf::YieldOp::create(b, loc, next);
      });
  return SmallVector<Value>(loop.getResults());
}

void CodeBuilder::loop(Value low, Value high, int64_t step,
                       std::function<void(Value)> body) {
  loop(low, high, step, ValueRange{}, [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

void CodeBuilder::ifThen(Value condition, std::function<void()> then) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  then();
}

void CodeBuilder::ifElse(Value condition, std::function<void()> then,
                         std::function<void()> otherwise) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  then();
  b.setInsertionPointToStart(op.elseBlock());
  otherwise();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

void CodeBuilder::call(LLVM::LLVMFuncOp callee, ValueRange args) {
  LLVM::CallOp::create(b, loc, callee, args);
}

Value CodeBuilder::stack(int64_t bytes) {
  OpBuilder::InsertionGuard guard(b);
  auto function =
      b.getInsertionBlock()->getParentOp()->getParentOfType<LLVM::LLVMFuncOp>();
  if (!function)
    function = cast<LLVM::LLVMFuncOp>(b.getInsertionBlock()->getParentOp());
  b.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(b, loc, ptr(), i8(), c64(bytes), 64);
}

LLVM::LLVMFuncOp qnt::target::getFunction(
    ModuleOp module, StringRef name, TypeRange args,
    llvm::function_ref<void(CodeBuilder &, ValueRange)> body) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), SmallVector<Type>(args));
  auto function = LLVM::LLVMFuncOp::create(b, module.getLoc(), name, type,
                                           LLVM::Linkage::Internal);
  b.setInsertionPointToStart(function.addEntryBlock(b));
  CodeBuilder k(b, function.getLoc());
  body(k, function.getArguments());
  LLVM::ReturnOp::create(b, function.getLoc(), ValueRange());
  return function;
}
