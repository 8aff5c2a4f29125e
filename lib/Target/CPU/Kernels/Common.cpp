//===- Common.cpp - what kernels share --------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qnt::cpu;

/// Numbers that a slice of work should at least touch: some microseconds, which
/// is what waking a thread costs.
constexpr int64_t kSliceElements = 16384;

std::string qnt::cpu::getKey(double value) {
  return llvm::utohexstr(llvm::bit_cast<uint64_t>(value));
}

SmallVector<Type> qnt::cpu::argTypes(KernelLibrary &lib, int64_t pointers,
                                     int64_t integers) {
  MLIRContext *context = lib.module.getContext();
  SmallVector<Type> types(pointers, LLVM::LLVMPointerType::get(context));
  types.append(integers, IntegerType::get(context, 64));
  return types;
}

Kernel qnt::cpu::getRowsKernel(
    KernelLibrary &lib, StringRef name, TypeRange args, int64_t elements,
    KernelLibrary::Count rows,
    std::function<void(KernelBuilder &, ValueRange, Value)> row) {
  return getRowsKernel(
      lib, name, args, elements, std::move(rows),
      [=](KernelBuilder &k, ValueRange args, Value i, Value) {
        row(k, args, i);
      },
      0);
}

Kernel qnt::cpu::getRowsKernel(
    KernelLibrary &lib, StringRef name, TypeRange args, int64_t elements,
    KernelLibrary::Count rows,
    std::function<void(KernelBuilder &, ValueRange, Value, Value)> row,
    int64_t scratchBytes) {
  int64_t grain =
      std::max<int64_t>(1, kSliceElements / std::max<int64_t>(1, elements));
  return lib.getParallel(
      name, args,
      [=](KernelBuilder &k, ValueRange args) {
        return k.ceilDiv(rows(k, args), grain);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value first = k.mul(begin, k.c64(grain));
        Value last = k.minS(k.mul(end, k.c64(grain)), rows(k, args));
        Value scratch = scratchBytes ? k.stack(scratchBytes) : Value();
        k.loop(first, last, 1, [&](Value i) { row(k, args, i, scratch); });
      });
}

Kernel qnt::cpu::getRowsKernel(
    KernelLibrary &lib, StringRef name, TypeRange args,
    KernelLibrary::Count elements, KernelLibrary::Count rows,
    std::function<void(KernelBuilder &, ValueRange, Value)> row) {
  auto grain = [=](KernelBuilder &k, ValueRange args) {
    Value size = k.maxS(elements(k, args), k.c64(1));
    return k.maxS(k.c64(1), k.divS(k.c64(kSliceElements), size));
  };
  return lib.getParallel(
      name, args,
      [=](KernelBuilder &k, ValueRange args) {
        Value size = grain(k, args);
        return k.divU(k.add(rows(k, args), k.sub(size, k.c64(1))), size);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value size = grain(k, args);
        Value last = k.minS(k.mul(end, size), rows(k, args));
        k.loop(k.mul(begin, size), last, 1, [&](Value i) { row(k, args, i); });
      });
}

Kernel qnt::cpu::getFlatKernel(
    KernelLibrary &lib, StringRef name, TypeRange args, int64_t elements,
    std::function<void(KernelBuilder &, ValueRange, Value, Value)> body) {
  int64_t slice = kSliceElements / elements;
  return lib.getParallel(
      name, args,
      [=](KernelBuilder &k, ValueRange args) {
        return k.ceilDiv(args.back(), slice);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value last = k.minS(k.mul(end, k.c64(slice)), args.back());
        k.overLanes(k.mul(begin, k.c64(slice)), last,
                    [&](Value i, Value count) { body(k, args, i, count); });
      });
}

Value qnt::cpu::isNull(KernelBuilder &k, Value pointer) {
  Value null = LLVM::ZeroOp::create(k.b, k.loc, k.ptr());
  return LLVM::ICmpOp::create(k.b, k.loc, LLVM::ICmpPredicate::eq, pointer,
                              null);
}

Value qnt::cpu::loadIndexOr(KernelBuilder &k, Value pointer, Value i,
                            Value otherwise) {
  auto op = scf::IfOp::create(k.b, k.loc, TypeRange{k.i64()},
                              isNull(k, pointer), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(k.b, k.loc, otherwise);
  k.b.setInsertionPointToStart(op.elseBlock());
  Value index = k.load(k.i32(), k.at(pointer, k.shl(i, 2)), 4);
  scf::YieldOp::create(k.b, k.loc, k.sext(index, k.i64()));
  return op.getResult(0);
}

void qnt::cpu::copyBytes(KernelBuilder &k, Value to, Value from, Value bytes) {
  LLVM::MemcpyOp::create(k.b, k.loc, to, from, bytes, /*isVolatile=*/false);
}

Value qnt::cpu::f32At(KernelBuilder &k, Value pointer, Value index) {
  return k.at(pointer, k.shl(index, 2));
}

Value qnt::cpu::loadLanes(KernelBuilder &k, Value pointer, Value index,
                          Value count) {
  Value from = f32At(k, pointer, index);
  return count ? k.loadPartial(k.f32(), from, count)
               : k.load(k.vec(k.f32()), from, 4);
}

void qnt::cpu::storeLanes(KernelBuilder &k, Value value, Value pointer,
                          Value index, Value count) {
  Value to = f32At(k, pointer, index);
  if (count)
    k.storePartial(value, to, count);
  else
    k.store(value, to, 4);
}

Value qnt::cpu::zeroBeyond(KernelBuilder &k, Value value, Value count) {
  if (!count)
    return value;
  Value valid = k.ltS(k.iota(), k.splat(k.trunc(count, k.i32())));
  return k.select(valid, value, k.constant(value.getType(), 0));
}

Value qnt::cpu::zeroIfNaN(KernelBuilder &k, Value value) {
  Value ordered = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::ORD,
                                        value, value);
  return k.select(ordered, value, k.constant(value.getType(), 0));
}

Value qnt::cpu::foldLanes(KernelBuilder &k, int64_t elements, Value init,
                          llvm::function_ref<Value(Value, Value, Value)> step,
                          llvm::function_ref<Value(Value, Value)> join) {
  constexpr int64_t ways = 4, stride = ways * kLanes;
  int64_t whole = elements / stride * stride;
  SmallVector<Value> sums(ways, init);
  if (whole)
    sums = k.loop(
        k.c64(0), k.c64(whole), stride, sums, [&](Value i, ValueRange state) {
          SmallVector<Value> next;
          for (int64_t way = 0; way < ways; ++way)
            next.push_back(
                step(state[way], k.add(i, k.c64(way * kLanes)), Value()));
          return next;
        });
  for (int64_t way = 0, i = whole; i < elements; i += kLanes, ++way) {
    int64_t left = elements - i;
    sums[way] =
        step(sums[way], k.c64(i), left < kLanes ? k.c64(left) : Value());
  }
  return join(join(sums[0], sums[1]), join(sums[2], sums[3]));
}

LLVM::GlobalOp qnt::cpu::getConstantArray(KernelLibrary &lib, StringRef name,
                                          DenseElementsAttr data) {
  if (auto existing = lib.module.lookupSymbol<LLVM::GlobalOp>(name))
    return existing;
  OpBuilder b(lib.module.getContext());
  b.setInsertionPointToStart(lib.module.getBody());
  auto type =
      LLVM::LLVMArrayType::get(data.getElementType(), data.getNumElements());
  return LLVM::GlobalOp::create(b, lib.module.getLoc(), type,
                                /*isConstant=*/true, LLVM::Linkage::Internal,
                                name, data, /*alignment=*/64);
}

Value qnt::cpu::addressOf(KernelBuilder &k, LLVM::GlobalOp global) {
  return LLVM::AddressOfOp::create(k.b, k.loc, global);
}
