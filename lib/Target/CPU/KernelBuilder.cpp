//===- KernelBuilder.cpp - writes kernels in MLIR -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace qnt::cpu;

namespace {
/// `element`, in vectors of the lanes of `like` where that is a vector.
Type withShapeOf(Type element, Type like) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}
} // namespace

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value KernelBuilder::constant(Type type, double value) {
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

Value KernelBuilder::c64(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
}
Value KernelBuilder::c32(int32_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value));
}
Value KernelBuilder::cf32(float value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}
Value KernelBuilder::cf64(double value) {
  return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
}
Value KernelBuilder::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(b, loc, vec(scalar.getType(), lanes),
                                     scalar);
}
Value KernelBuilder::iota() {
  SmallVector<int32_t> lanes;
  for (int32_t i = 0; i < kLanes; ++i)
    lanes.push_back(i);
  return arith::ConstantOp::create(b, loc, b.getI32VectorAttr(lanes));
}

Value KernelBuilder::table(ArrayRef<float> lanes) {
  return arith::ConstantOp::create(b, loc, b.getF32VectorAttr(lanes));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static bool isFloat(Value x) {
  return isa<FloatType>(getElementTypeOrSelf(x.getType()));
}

Value KernelBuilder::add(Value x, Value y) {
  if (isFloat(x))
    return arith::AddFOp::create(b, loc, x, y);
  return arith::AddIOp::create(b, loc, x, y);
}
Value KernelBuilder::sub(Value x, Value y) {
  if (isFloat(x))
    return arith::SubFOp::create(b, loc, x, y);
  return arith::SubIOp::create(b, loc, x, y);
}
Value KernelBuilder::mul(Value x, Value y) {
  if (isFloat(x))
    return arith::MulFOp::create(b, loc, x, y);
  return arith::MulIOp::create(b, loc, x, y);
}
Value KernelBuilder::fdiv(Value x, Value y) {
  return arith::DivFOp::create(b, loc, x, y);
}
Value KernelBuilder::divS(Value x, Value y) {
  return arith::DivSIOp::create(b, loc, x, y);
}
Value KernelBuilder::remS(Value x, Value y) {
  return arith::RemSIOp::create(b, loc, x, y);
}
Value KernelBuilder::divU(Value x, Value y) {
  return arith::DivUIOp::create(b, loc, x, y);
}
Value KernelBuilder::remU(Value x, Value y) {
  return arith::RemUIOp::create(b, loc, x, y);
}
Value KernelBuilder::minS(Value x, Value y) {
  return arith::MinSIOp::create(b, loc, x, y);
}
Value KernelBuilder::maxS(Value x, Value y) {
  return arith::MaxSIOp::create(b, loc, x, y);
}
// Compare and select: one instruction, where the IEEE minimum takes several.
Value KernelBuilder::minF(Value x, Value y) { return select(ltF(x, y), x, y); }
Value KernelBuilder::maxF(Value x, Value y) { return select(gtF(x, y), x, y); }
Value KernelBuilder::absF(Value x) { return math::AbsFOp::create(b, loc, x); }
Value KernelBuilder::negF(Value x) { return arith::NegFOp::create(b, loc, x); }
Value KernelBuilder::fma(Value x, Value y, Value z) {
  return LLVM::FMulAddOp::create(b, loc, x.getType(), x, y, z);
}
Value KernelBuilder::band(Value x, Value y) {
  return arith::AndIOp::create(b, loc, x, y);
}
Value KernelBuilder::bor(Value x, Value y) {
  return arith::OrIOp::create(b, loc, x, y);
}
Value KernelBuilder::bxor(Value x, Value y) {
  return arith::XOrIOp::create(b, loc, x, y);
}
Value KernelBuilder::shl(Value x, unsigned bits) {
  return bits ? arith::ShLIOp::create(b, loc, x, constant(x.getType(), bits))
                    .getResult()
              : x;
}
Value KernelBuilder::shrU(Value x, unsigned bits) {
  return bits ? arith::ShRUIOp::create(b, loc, x, constant(x.getType(), bits))
                    .getResult()
              : x;
}
Value KernelBuilder::shrS(Value x, unsigned bits) {
  return bits ? arith::ShRSIOp::create(b, loc, x, constant(x.getType(), bits))
                    .getResult()
              : x;
}
Value KernelBuilder::ceilDiv(Value x, int64_t d) {
  if (d == 1)
    return x;
  return arith::DivUIOp::create(b, loc, add(x, c64(d - 1)), c64(d));
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

Value KernelBuilder::ltS(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
}
Value KernelBuilder::geS(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, x, y);
}
Value KernelBuilder::eq(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
}
Value KernelBuilder::ltF(Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
}
Value KernelBuilder::gtF(Value x, Value y) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
}
Value KernelBuilder::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, loc, condition, x, y);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value KernelBuilder::bitcast(Value x, Type type) {
  if (x.getType() == type)
    return x;
  return LLVM::BitcastOp::create(b, loc, type, x);
}
Value KernelBuilder::sitofp(Value x, Type element) {
  return arith::SIToFPOp::create(b, loc, withShapeOf(element, x.getType()), x);
}
Value KernelBuilder::roundToInt(Value x) {
  // Without a rounding instruction: adding 1.5 * 2^23 leaves the integer in the
  // low bits. Holds for |x| < 2^22, far above any code.
  if (isa.dot == ISA::Dot::Generic) {
    Value magic = constant(x.getType(), 12582912.0);
    Type words = withShapeOf(i32(), x.getType());
    return sub(bitcast(add(x, magic), words), bitcast(magic, words));
  }
  Value rounded = LLVM::RintOp::create(b, loc, x.getType(), x);
  return arith::FPToSIOp::create(b, loc, withShapeOf(i32(), x.getType()),
                                 rounded);
}
/// f16 to f32 in integer arithmetic, for machines without F16C: the fields are
/// moved, then scaled by 2^112, which also normalises subnormals.
static Value extendHalf(KernelBuilder &k, Value x) {
  Type words = withShapeOf(k.i32(), x.getType());
  Type floats = withShapeOf(k.f32(), x.getType());
  Value bits = k.zext(k.bitcast(x, withShapeOf(k.i16(), x.getType())), k.i32());
  Value magnitude = k.band(bits, k.constant(words, 0x7fff));
  Value sign = k.shl(k.sub(bits, magnitude), 16);
  Value number = k.mul(k.bitcast(k.shl(magnitude, 13), floats),
                       k.constant(floats, 0x1p112));
  Value special = k.bitcast(
      k.bor(k.shl(magnitude, 13), k.constant(words, 0x7f800000)), floats);
  number =
      k.select(k.geS(magnitude, k.constant(words, 0x7c00)), special, number);
  return k.bitcast(k.bor(k.bitcast(number, words), sign), floats);
}

/// f32 to f16, round half to even, in integer arithmetic.
static Value truncateToHalf(KernelBuilder &k, Value x) {
  Type words = withShapeOf(k.i32(), x.getType());
  Type floats = withShapeOf(k.f32(), x.getType());
  Value bits = k.bitcast(x, words);
  Value magnitude = k.band(bits, k.constant(words, 0x7fffffff));
  Value sign = k.shrU(k.sub(bits, magnitude), 16);
  // Normal results: rebase the exponent, add half a unit less the even bit.
  Value odd = k.band(k.shrU(magnitude, 13), k.constant(words, 1));
  Value normal = k.shrU(
      k.add(k.sub(magnitude, k.constant(words, (112 << 23) - 0xfff)), odd), 13);
  // Subnormal ones: adding 0.5 aligns the mantissa to units of 2^-24.
  Value half = k.constant(floats, 0.5);
  Value small =
      k.sub(k.bitcast(k.add(k.bitcast(magnitude, floats), half), words),
            k.bitcast(half, words));
  Value result =
      k.select(k.ltS(magnitude, k.constant(words, 113 << 23)), small, normal);
  // From 65520 on, infinity; NaN stays NaN.
  result = k.select(k.geS(magnitude, k.constant(words, 0x477ff000)),
                    k.constant(words, 0x7c00), result);
  result = k.select(k.ltS(k.constant(words, 0x7f800000), magnitude),
                    k.constant(words, 0x7e00), result);
  return k.bitcast(k.trunc(k.bor(result, sign), k.i16()),
                   withShapeOf(k.f16(), x.getType()));
}

/// bf16 to f32: the upper half of the word.
static Value extendBFloat(KernelBuilder &k, Value x) {
  Value bits = k.bitcast(x, withShapeOf(k.i16(), x.getType()));
  return k.bitcast(k.shl(k.zext(bits, k.i32()), 16),
                   withShapeOf(k.f32(), x.getType()));
}

/// f32 to bf16, round half to even; LLVM calls a function that C libraries
/// lack.
static Value truncateToBFloat(KernelBuilder &k, Value x) {
  Type words = withShapeOf(k.i32(), x.getType());
  Value bits = k.bitcast(x, words);
  Value odd = k.band(k.shrU(bits, 16), k.constant(words, 1));
  Value rounded = k.add(k.add(bits, k.constant(words, 0x7fff)), odd);
  // Rounding may not carry a NaN into an infinity.
  Value magnitude = k.band(bits, k.constant(words, 0x7fffffff));
  Value isNaN = k.ltS(k.constant(words, 0x7f800000), magnitude);
  Value quiet = k.bor(bits, k.constant(words, 0x400000));
  Value high = k.shrU(k.select(isNaN, quiet, rounded), 16);
  return k.bitcast(k.trunc(high, k.i16()), withShapeOf(k.bf16(), x.getType()));
}

Value KernelBuilder::extF(Value x, Type element) {
  if (getElementTypeOrSelf(x.getType()) == element)
    return x;
  if (element.isF32() && getElementTypeOrSelf(x.getType()).isBF16())
    return extendBFloat(*this, x);
  if (isa.dot == ISA::Dot::Generic && element.isF32() &&
      getElementTypeOrSelf(x.getType()).isF16())
    return extendHalf(*this, x);
  return arith::ExtFOp::create(b, loc, withShapeOf(element, x.getType()), x);
}
Value KernelBuilder::truncF(Value x, Type element) {
  if (getElementTypeOrSelf(x.getType()) == element)
    return x;
  if (element.isBF16())
    return truncateToBFloat(*this, x);
  if (isa.dot == ISA::Dot::Generic && element.isF16())
    return truncateToHalf(*this, x);
  return arith::TruncFOp::create(b, loc, withShapeOf(element, x.getType()), x);
}
Value KernelBuilder::sext(Value x, Type element) {
  return arith::ExtSIOp::create(b, loc, withShapeOf(element, x.getType()), x);
}
Value KernelBuilder::zext(Value x, Type element) {
  return arith::ExtUIOp::create(b, loc, withShapeOf(element, x.getType()), x);
}
Value KernelBuilder::trunc(Value x, Type element) {
  return arith::TruncIOp::create(b, loc, withShapeOf(element, x.getType()), x);
}

//===----------------------------------------------------------------------===//
// Functions and reductions
//===----------------------------------------------------------------------===//

Value KernelBuilder::sqrt(Value x) { return math::SqrtOp::create(b, loc, x); }
Value KernelBuilder::sin(Value x) { return math::SinOp::create(b, loc, x); }
Value KernelBuilder::cos(Value x) { return math::CosOp::create(b, loc, x); }

Value KernelBuilder::reduceAdd(Value x) {
  Type element = cast<VectorType>(x.getType()).getElementType();
  // Reassociation lets the sum be a tree.
  if (mlir::isa<FloatType>(element))
    return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, x,
                                       arith::FastMathFlags::reassoc);
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, x);
}
Value KernelBuilder::reduceMaxF(Value x) {
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXNUMF, x,
                                     arith::FastMathFlags::nnan |
                                         arith::FastMathFlags::reassoc);
}
Value KernelBuilder::reduceMinF(Value x) {
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::MINNUMF, x,
                                     arith::FastMathFlags::nnan |
                                         arith::FastMathFlags::reassoc);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelBuilder::at(Value pointer, Value offset) {
  return LLVM::GEPOp::create(b, loc, ptr(), i8(), pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}
Value KernelBuilder::at(Value pointer, int64_t offset) {
  if (offset == 0)
    return pointer;
  return at(pointer, c64(offset));
}
Value KernelBuilder::load(Type type, Value pointer, unsigned align) {
  return LLVM::LoadOp::create(b, loc, type, pointer, align);
}
void KernelBuilder::store(Value value, Value pointer, unsigned align) {
  LLVM::StoreOp::create(b, loc, value, pointer, align);
}

/// The first `count` of kLanes lanes, as vector<16xi1>.
static Value laneMask(KernelBuilder &k, Value count) {
  Value clamped = k.minS(k.maxS(count, k.c64(0)), k.c64(kLanes));
  return k.ltS(k.iota(), k.splat(k.trunc(clamped, k.i32())));
}

Value KernelBuilder::loadPartial(Type element, Value pointer, Value count) {
  VectorType type = vec(element);
  return LLVM::MaskedLoadOp::create(
      b, loc, type, pointer, laneMask(*this, count), constant(type, 0), 1);
}
void KernelBuilder::storePartial(Value value, Value pointer, Value count) {
  LLVM::MaskedStoreOp::create(b, loc, value, pointer, laneMask(*this, count),
                              1);
}
Value KernelBuilder::loadAsF32(Type element, Value pointer) {
  if (element.isBF16())
    return bitcast(shl(zext(load(vec(i16()), pointer), i32()), 16), vec(f32()));
  return extF(load(vec(element), pointer), f32());
}
Value KernelBuilder::loadAsF32Partial(Type element, Value pointer,
                                      Value count) {
  if (element.isF32())
    return loadPartial(element, pointer, count);
  Value bits = loadPartial(i16(), pointer, count);
  if (element.isBF16())
    return bitcast(shl(zext(bits, i32()), 16), vec(f32()));
  return extF(bitcast(bits, vec(element)), f32());
}
void KernelBuilder::storeF32As(Value value, Type element, Value pointer) {
  store(truncF(value, element), pointer);
}
void KernelBuilder::storeF32AsPartial(Value value, Type element, Value pointer,
                                      Value count) {
  Value narrow = truncF(value, element);
  if (!element.isF32())
    narrow = bitcast(narrow, vec(i16()));
  storePartial(narrow, pointer, count);
}
Value KernelBuilder::stack(int64_t bytes) {
  OpBuilder::InsertionGuard guard(b);
  auto function =
      b.getInsertionBlock()->getParentOp()->getParentOfType<LLVM::LLVMFuncOp>();
  if (!function)
    function = cast<LLVM::LLVMFuncOp>(b.getInsertionBlock()->getParentOp());
  b.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(b, loc, ptr(), i8(), c64(bytes), 64);
}
void KernelBuilder::prefetch(Value pointer) {
  LLVM::Prefetch::create(b, loc, pointer, b.getI32IntegerAttr(0),
                         b.getI32IntegerAttr(3), b.getI32IntegerAttr(1));
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> KernelBuilder::loop(Value low, Value high, int64_t step,
                                       ValueRange state, LoopBody body) {
  auto loop = scf::ForOp::create(
      b, loc, low, high, c64(step), state,
      [&](OpBuilder &, Location, Value iv, ValueRange iters) {
        OpBuilder::InsertionGuard guard(b);
        // The nested builder is at the new block; so is ours from here on.
        b.setInsertionPointToEnd(iv.getParentBlock());
        SmallVector<Value> next = body(iv, iters);
        scf::YieldOp::create(b, loc, next);
      });
  return SmallVector<Value>(loop.getResults());
}
void KernelBuilder::loop(Value low, Value high, int64_t step,
                         std::function<void(Value)> body) {
  loop(low, high, step, ValueRange{}, [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}
void KernelBuilder::ifThen(Value condition, std::function<void()> then) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  then();
}
void KernelBuilder::ifElse(Value condition, std::function<void()> then,
                           std::function<void()> otherwise) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  then();
  b.setInsertionPointToStart(op.elseBlock());
  otherwise();
}
void KernelBuilder::overLanes(int64_t elements,
                              std::function<void(Value, Value)> body) {
  int64_t whole = elements / kLanes * kLanes;
  if (whole)
    loop(c64(0), c64(whole), kLanes, [&](Value i) { body(i, Value()); });
  if (whole < elements)
    body(c64(whole), c64(elements - whole));
}
void KernelBuilder::overLanes(Value begin, Value end,
                              std::function<void(Value, Value)> body) {
  Value whole = sub(end, band(sub(end, begin), c64(kLanes - 1)));
  loop(begin, whole, kLanes, [&](Value i) { body(i, Value()); });
  ifThen(ltS(whole, end), [&] { body(whole, sub(end, whole)); });
}

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

Value KernelBuilder::dot4(Value acc, Value u, Value s, bool narrow) {
  VectorType words = vec(i32());
  switch (isa.dot) {
  case ISA::Dot::VNNI512: {
    VectorType bytes = vec(i8(), 4 * kLanes);
    return LLVM::CallIntrinsicOp::create(
               b, loc, words, b.getStringAttr("llvm.x86.avx512.vpdpbusd.512"),
               ValueRange{acc, bitcast(u, bytes), bitcast(s, bytes)})
        .getResults();
  }
  case ISA::Dot::AVX2: {
    // 256-bit halves; the product of bytes below 128 fits 16 bits in pairs.
    VectorType half = vec(i32(), kLanes / 2), pairs = vec(i16(), kLanes);
    VectorType bytes = vec(i8(), 2 * kLanes);
    auto intrinsic = [&](StringRef name, Type type, Value x, Value y) -> Value {
      return LLVM::CallIntrinsicOp::create(b, loc, type, b.getStringAttr(name),
                                           ValueRange{x, y})
          .getResults();
    };
    SmallVector<Value> sums;
    for (int64_t part = 0; part < 2; ++part) {
      auto slice = [&](Value x) -> Value {
        return vector::ExtractStridedSliceOp::create(
            b, loc, x, ArrayRef<int64_t>{part * kLanes / 2},
            ArrayRef<int64_t>{kLanes / 2}, ArrayRef<int64_t>{1});
      };
      Value up = slice(u), sp = slice(s);
      if (narrow) {
        Value products = intrinsic("llvm.x86.avx2.pmadd.ub.sw", pairs,
                                   bitcast(up, bytes), bitcast(sp, bytes));
        sums.push_back(intrinsic("llvm.x86.avx2.pmadd.wd", half, products,
                                 constant(pairs, 1)));
        continue;
      }
      // Even and odd bytes as 16-bit numbers.
      Value u16 = bitcast(up, pairs), s16 = bitcast(sp, pairs);
      Value even =
          intrinsic("llvm.x86.avx2.pmadd.wd", half,
                    band(u16, constant(pairs, 255)), shrS(shl(s16, 8), 8));
      Value odd =
          intrinsic("llvm.x86.avx2.pmadd.wd", half, shrU(u16, 8), shrS(s16, 8));
      sums.push_back(add(even, odd));
    }
    SmallVector<int64_t> all;
    for (int64_t i = 0; i < kLanes; ++i)
      all.push_back(i);
    return add(acc, vector::ShuffleOp::create(b, loc, sums[0], sums[1], all));
  }
  case ISA::Dot::Generic:
    for (unsigned byte = 0; byte < 4; ++byte) {
      Value x = band(shrU(u, 8 * byte), constant(words, 255));
      Value y = shrS(shl(s, 24 - 8 * byte), 24);
      acc = add(acc, mul(x, y));
    }
    return acc;
  }
  llvm_unreachable("unknown dot product");
}

void KernelBuilder::call(LLVM::LLVMFuncOp callee, ValueRange args) {
  LLVM::CallOp::create(b, loc, callee, args);
}

//===----------------------------------------------------------------------===//
// KernelLibrary
//===----------------------------------------------------------------------===//

static LLVM::LLVMFuncOp createFunction(ModuleOp module, StringRef name,
                                       TypeRange args) {
  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), SmallVector<Type>(args));
  return LLVM::LLVMFuncOp::create(b, module.getLoc(), name, type,
                                  LLVM::Linkage::Internal);
}

LLVM::LLVMFuncOp KernelLibrary::get(StringRef name, TypeRange args, Body body) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  auto function = createFunction(module, name, args);
  OpBuilder b(module.getContext());
  b.setInsertionPointToStart(function.addEntryBlock(b));
  KernelBuilder k(b, function.getLoc(), isa);
  k.module = module;
  body(k, function.getArguments());
  LLVM::ReturnOp::create(b, function.getLoc(), ValueRange());
  return function;
}

LLVM::LLVMFuncOp KernelLibrary::getParallel(StringRef name, TypeRange args,
                                            Count count, Task task) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder types(module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = types.getI64Type();
  auto body =
      get((name + ".task").str(), TypeRange{pointer, i64, i64},
          [&](KernelBuilder &k, ValueRange slots) {
            SmallVector<Value> loaded;
            for (auto [i, type] : llvm::enumerate(args))
              loaded.push_back(k.load(type, k.at(slots[0], int64_t(8 * i)), 8));
            task(k, loaded, slots[1], slots[2]);
          });
  SmallVector<Type> all{pointer};
  llvm::append_range(all, args);
  return get(name, all, [&](KernelBuilder &k, ValueRange values) {
    Value context = values[0];
    ValueRange rest = values.drop_front();
    Value slots = k.stack(std::max<int64_t>(8, 8 * rest.size()));
    for (auto [i, value] : llvm::enumerate(rest))
      k.store(value, k.at(slots, int64_t(8 * i)), 8);
    Value run = k.load(k.ptr(), context, 8);
    Value address = LLVM::AddressOfOp::create(k.b, k.loc, body);
    auto type =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(k.b.getContext()),
                                    {k.ptr(), k.ptr(), k.ptr(), k.i64()});
    LLVM::CallOp::create(
        k.b, k.loc, type,
        ValueRange{run, context, address, slots, count(k, rest)});
  });
}
