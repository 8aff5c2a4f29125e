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
using qnt::target::withShapeOf;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

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
// Conversions
//===----------------------------------------------------------------------===//

Value KernelBuilder::roundToInt(Value x) {
  // Without a rounding instruction: adding 1.5 * 2^23 leaves the integer in the
  // low bits. Holds for |x| < 2^22, far above any code.
  if (!isa.convertsHalf()) {
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
  if (!isa.convertsHalf() && element.isF32() &&
      getElementTypeOrSelf(x.getType()).isF16())
    return extendHalf(*this, x);
  return arith::ExtFOp::create(b, loc, withShapeOf(element, x.getType()), x);
}
Value KernelBuilder::truncF(Value x, Type element) {
  if (getElementTypeOrSelf(x.getType()) == element)
    return x;
  if (element.isBF16())
    return truncateToBFloat(*this, x);
  if (!isa.convertsHalf() && element.isF16())
    return truncateToHalf(*this, x);
  return arith::TruncFOp::create(b, loc, withShapeOf(element, x.getType()), x);
}

//===----------------------------------------------------------------------===//
// Functions and reductions
//===----------------------------------------------------------------------===//

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

Value KernelBuilder::laneMask(Value count) {
  Value clamped = minS(maxS(count, c64(0)), c64(kLanes));
  return ltS(iota(), splat(trunc(clamped, i32())));
}

Value KernelBuilder::loadPartial(Type element, Value pointer, Value count) {
  VectorType type = vec(element);
  return LLVM::MaskedLoadOp::create(b, loc, type, pointer, laneMask(count),
                                    constant(type, 0), 1);
}
void KernelBuilder::prefetch(Value pointer) {
  // A read, of what is used again, of data.
  LLVM::Prefetch::create(b, loc, pointer, /*rw=*/0, /*hint=*/3, /*cache=*/1);
}

void KernelBuilder::storePartial(Value value, Value pointer, Value count) {
  LLVM::MaskedStoreOp::create(b, loc, value, pointer, laneMask(count), 1);
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

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

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

/// `make` of each of `count` equal parts of the operands, side by side.
static Value inParts(KernelBuilder &k, int64_t count, ArrayRef<Value> operands,
                     llvm::function_ref<Value(ArrayRef<Value> parts)> make) {
  const int64_t lanes = kLanes / count;
  SmallVector<Value> results;
  for (int64_t part = 0; part < count; ++part) {
    SmallVector<Value> slices;
    for (Value operand : operands)
      slices.push_back(vector::ExtractStridedSliceOp::create(
          k.b, k.loc, operand, ArrayRef<int64_t>{part * lanes},
          ArrayRef<int64_t>{lanes}, ArrayRef<int64_t>{1}));
    results.push_back(make(slices));
  }
  for (int64_t width = 2 * lanes; results.size() > 1; width *= 2) {
    SmallVector<Value> pairs;
    for (size_t i = 0; i < results.size(); i += 2)
      pairs.push_back(vector::ShuffleOp::create(
          k.b, k.loc, results[i], results[i + 1],
          llvm::to_vector(llvm::seq<int64_t>(width))));
    results = std::move(pairs);
  }
  return results.front();
}

static Value callIntrinsic(KernelBuilder &k, StringRef name, Type type,
                           ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(k.b, k.loc, type,
                                       k.b.getStringAttr(name), operands)
      .getResults();
}

/// An instruction on `words` lanes of i32 that takes bytes.
static Value callByteDot(KernelBuilder &k, StringRef name, Value acc, Value x,
                         Value y) {
  auto words = cast<VectorType>(acc.getType());
  VectorType bytes = k.vec(k.i8(), 4 * words.getNumElements());
  return callIntrinsic(k, name, words,
                       {acc, k.bitcast(x, bytes), k.bitcast(y, bytes)});
}

/// vpmaddubsw adds pairs of products in 16 bits.
static Value emitAVX2Dot(KernelBuilder &k, Value acc, Value u, Value s,
                         bool narrow) {
  VectorType half = k.vec(k.i32(), kLanes / 2), pairs = k.vec(k.i16(), kLanes);
  VectorType bytes = k.vec(k.i8(), 2 * kLanes);
  auto addPairs = [&](Value x, Value y) {
    return callIntrinsic(k, "llvm.x86.avx2.pmadd.wd", half, {x, y});
  };
  Value sums = inParts(k, 2, {u, s}, [&](ArrayRef<Value> parts) -> Value {
    if (narrow)
      return addPairs(callIntrinsic(k, "llvm.x86.avx2.pmadd.ub.sw", pairs,
                                    {k.bitcast(parts[0], bytes),
                                     k.bitcast(parts[1], bytes)}),
                      k.constant(pairs, 1));
    // Even and odd bytes as 16-bit numbers.
    Value u16 = k.bitcast(parts[0], pairs), s16 = k.bitcast(parts[1], pairs);
    return k.add(
        addPairs(k.band(u16, k.constant(pairs, 255)), k.shrS(k.shl(s16, 8), 8)),
        addPairs(k.shrU(u16, 8), k.shrS(s16, 8)));
  });
  return k.add(acc, sums);
}

/// Signed by signed bytes: where u is too large for them u - 128, then 128 for
/// each of s.
static Value emitSignedDot(KernelBuilder &k, Value acc, Value u, Value s,
                           bool below128) {
  constexpr StringLiteral dot = "llvm.aarch64.neon.sdot.v4i32.v16i8";
  if (below128)
    return inParts(k, 4, {acc, u, s}, [&](ArrayRef<Value> parts) {
      return callByteDot(k, dot, parts[0], parts[1], parts[2]);
    });
  Value shifted = k.bxor(u, k.constant(u.getType(), int32_t(0x80808080)));
  Value half = k.constant(u.getType(), 0x40404040);
  return inParts(k, 4, {acc, shifted, s, half}, [&](ArrayRef<Value> parts) {
    Value sum = callByteDot(k, dot, parts[0], parts[1], parts[2]);
    sum = callByteDot(k, dot, sum, parts[3], parts[2]);
    return callByteDot(k, dot, sum, parts[3], parts[2]);
  });
}

Value KernelBuilder::dot4(Value acc, Value u, Value s, bool narrow,
                          bool below128) {
  switch (isa.dot) {
  case ISA::Dot::VNNI512:
    return callByteDot(*this, "llvm.x86.avx512.vpdpbusd.512", acc, u, s);
  case ISA::Dot::VNNI256:
    return inParts(*this, 2, {acc, u, s}, [&](ArrayRef<Value> parts) {
      return callByteDot(*this, "llvm.x86.avx512.vpdpbusd.256", parts[0],
                         parts[1], parts[2]);
    });
  case ISA::Dot::AVX2:
    return emitAVX2Dot(*this, acc, u, s, narrow);
  case ISA::Dot::USDOT:
    return inParts(*this, 4, {acc, u, s}, [&](ArrayRef<Value> parts) {
      return callByteDot(*this, "llvm.aarch64.neon.usdot.v4i32.v16i8", parts[0],
                         parts[1], parts[2]);
    });
  case ISA::Dot::SDOT:
    return emitSignedDot(*this, acc, u, s, below128);
  case ISA::Dot::Generic:
    VectorType words = vec(i32());
    for (unsigned byte = 0; byte < 4; ++byte) {
      Value x = band(shrU(u, 8 * byte), constant(words, 255));
      Value y = shrS(shl(s, 24 - 8 * byte), 24);
      acc = add(acc, mul(x, y));
    }
    return acc;
  }
  llvm_unreachable("unknown dot product");
}

Value KernelBuilder::selectByCode(Value code, SmallVector<Value> values) {
  Value one = constant(code.getType(), 1);
  for (unsigned bit = 0; values.size() > 1; ++bit) {
    Value isSet = eq(band(shrU(code, bit), one), one);
    SmallVector<Value> next;
    for (size_t i = 0; i < values.size(); i += 2)
      next.push_back(select(isSet, values[i + 1], values[i]));
    values = std::move(next);
  }
  return values.front();
}

Value KernelBuilder::lookUpBytes(Value codes, ArrayRef<uint8_t> bytes) {
  constexpr int64_t tableBytes = 16;
  // Instructions look up in 16 bytes at a time.
  auto lookUp = [&](Value part, StringRef name) {
    int64_t words = cast<VectorType>(part.getType()).getNumElements();
    VectorType type = vec(i8(), 4 * words);
    SmallVector<Attribute> table;
    for (int64_t i = 0; i < 4 * words; ++i)
      table.push_back(b.getI8IntegerAttr(int8_t(bytes[i % tableBytes])));
    Value constantTable =
        arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, table));
    return bitcast(
        callIntrinsic(*this, name, type, {constantTable, bitcast(part, type)}),
        part.getType());
  };
  auto inLookUps = [&](int64_t parts, StringRef name) {
    return inParts(*this, parts, codes,
                   [&](ArrayRef<Value> part) { return lookUp(part[0], name); });
  };
  if (isa.dot == ISA::Dot::VNNI512)
    return lookUp(codes, "llvm.x86.avx512.pshuf.b.512");
  if (isa.dot == ISA::Dot::VNNI256 || isa.dot == ISA::Dot::AVX2)
    return inLookUps(2, "llvm.x86.avx2.pshuf.b");
  if (isa.arch == ISA::Arch::AArch64)
    return inLookUps(4, "llvm.aarch64.neon.tbl1.v16i8");
  VectorType type = vec(i8(), 4 * kLanes);
  SmallVector<Value> values;
  for (uint8_t byte : bytes)
    values.push_back(constant(type, double(int8_t(byte))));
  return bitcast(selectByCode(bitcast(codes, type), values), codes.getType());
}

//===----------------------------------------------------------------------===//
// KernelLibrary
//===----------------------------------------------------------------------===//

LLVM::LLVMFuncOp KernelLibrary::get(StringRef name, TypeRange args, Body body) {
  return target::getFunction(module, name, args,
                             [&](target::CodeBuilder &code, ValueRange values) {
                               KernelBuilder k(code.b, code.loc, isa);
                               k.module = module;
                               body(k, values);
                             });
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
