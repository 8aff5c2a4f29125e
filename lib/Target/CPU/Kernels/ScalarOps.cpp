//===- ScalarOps.cpp - arith and math ops of numbers or lanes ---*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Lanes.h"

#include "../../Common/Integers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <limits>

using namespace mlir;
using namespace qnt::cpu;

Type qnt::cpu::getComputeType(Type element) {
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  if (element.isIndex())
    return IntegerType::get(element.getContext(), 64);
  return element;
}

static bool isNumber(Type type) {
  type = getElementTypeOrSelf(type);
  if (type.isIndex() || type.isF16() || type.isBF16() || type.isF32() ||
      type.isF64())
    return true;
  auto integer = dyn_cast<IntegerType>(type);
  return integer && integer.isSignless() &&
         llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth());
}

/// `element`, in as many lanes as `like` has.
static Type shaped(Type element, Value like) {
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return vector.clone(element);
  return element;
}

static Value number(KernelBuilder &k, Value like, double value) {
  return k.constant(like.getType(), value);
}

static Value compare(KernelBuilder &k, arith::CmpFPredicate predicate, Value x,
                     Value y) {
  return arith::CmpFOp::create(k.b, k.loc, predicate, x, y);
}

static Value infinity(KernelBuilder &k, Value like) {
  return number(k, like, std::numeric_limits<double>::infinity());
}

//===----------------------------------------------------------------------===//
// The C library
//===----------------------------------------------------------------------===//

Value qnt::cpu::emitLibm(KernelBuilder &k, StringRef name,
                         ValueRange operands) {
  Type element = getElementTypeOrSelf(operands[0].getType());
  std::string symbol = name.str() + (element.isF32() ? "f" : "");
  auto function = k.module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
  if (!function) {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(k.module.getBody());
    auto type = LLVM::LLVMFunctionType::get(
        element, SmallVector<Type>(operands.size(), element));
    function = LLVM::LLVMFuncOp::create(k.b, k.module.getLoc(), symbol, type);
  }
  auto vector = dyn_cast<VectorType>(operands[0].getType());
  if (!vector)
    return LLVM::CallOp::create(k.b, k.loc, function, operands).getResult();
  Value result = k.constant(vector, 0);
  for (int64_t lane = 0; lane < vector.getNumElements(); ++lane) {
    SmallVector<Value> args;
    for (Value operand : operands)
      args.push_back(
          vector::ExtractOp::create(k.b, k.loc, operand, lane).getResult());
    Value one = LLVM::CallOp::create(k.b, k.loc, function, args).getResult();
    result = vector::InsertOp::create(k.b, k.loc, one, result, lane);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// f64 to f32 such that rounding the result to f16 or bf16 rounds once: towards
/// zero, with a last bit that is set where digits are lost.
static Value truncateToOdd(KernelBuilder &k, Value x) {
  Value y = k.truncF(x, k.f32());
  Value back = k.extF(y, k.f64());
  Value bits = k.bitcast(y, shaped(k.i32(), x));
  Value isAbove =
      compare(k, arith::CmpFPredicate::OGT, k.absF(back), k.absF(x));
  bits = k.select(isAbove, k.sub(bits, number(k, bits, 1)), bits);
  Value isInexact = compare(k, arith::CmpFPredicate::ONE, back, x);
  bits = k.select(isInexact, k.bor(bits, number(k, bits, 1)), bits);
  return k.bitcast(bits, shaped(k.f32(), x));
}

/// A float of any kind, in its compute type, as one of `to`.
static Value convertFloat(KernelBuilder &k, Value x, Type to) {
  Type from = getElementTypeOrSelf(x.getType());
  bool isHalf = to.isF16() || to.isBF16();
  if (from.isF64() && isHalf)
    x = truncateToOdd(k, x);
  else if (from.isF64() && to.isF32())
    return k.truncF(x, to);
  if (isHalf)
    return k.extF(k.truncF(x, to), k.f32());
  return k.extF(x, to);
}

static Value intToFloat(KernelBuilder &k, Value x, Type to, bool isSigned) {
  auto convert = [&](Type type) -> Value {
    if (isSigned)
      return arith::SIToFPOp::create(k.b, k.loc, shaped(type, x), x);
    return arith::UIToFPOp::create(k.b, k.loc, shaped(type, x), x);
  };
  if (to.isF32() || to.isF64())
    return convert(to);
  // bf16 holds 8 digits of integers that f32 would round.
  return convertFloat(k, convert(k.f64()), to);
}

static Value floatToInt(KernelBuilder &k, Value x, Type to, bool isSigned) {
  StringRef name = isSigned ? "llvm.fptosi.sat" : "llvm.fptoui.sat";
  return LLVM::CallIntrinsicOp::create(k.b, k.loc, shaped(to, x),
                                       k.b.getStringAttr(name), ValueRange{x})
      .getResults();
}

static Value intToInt(KernelBuilder &k, Value x, Type to, bool isSigned) {
  unsigned from = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  unsigned width = to.getIntOrFloatBitWidth();
  if (from == width)
    return x;
  if (from > width)
    return k.trunc(x, to);
  return isSigned ? k.sext(x, to) : k.zext(x, to);
}

static Value emitBitcast(KernelBuilder &k, Operation *op, Value x) {
  Type from = getElementTypeOrSelf(op->getOperand(0));
  Type to = getElementTypeOrSelf(op->getResult(0));
  if (from != getComputeType(from))
    x = k.truncF(x, from);
  x = k.bitcast(x, shaped(to, x));
  return to == getComputeType(to) ? x : k.extF(x, getComputeType(to));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// Of f32; KernelBuilder::exp stops at the largest number.
static Value emitExp(KernelBuilder &k, Value x) {
  Value isLarge =
      compare(k, arith::CmpFPredicate::OGT, x, number(k, x, 0x1.62e42ep6));
  return k.select(isLarge, infinity(k, x), k.exp(x));
}

static Value emitPower(KernelBuilder &k, Value x, Value y) {
  Attribute exponent;
  if (auto constant = y.getDefiningOp<arith::ConstantOp>())
    exponent = constant.getValue();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(exponent))
    exponent = splat.getSplatValue<Attribute>();
  if (auto number = dyn_cast_or_null<FloatAttr>(exponent)) {
    double value = number.getValueAsDouble();
    if (value == 1)
      return x;
    if (value == 2)
      return k.mul(x, x);
  }
  return emitLibm(k, "pow", {x, y});
}

using Emit = Value (*)(KernelBuilder &k, Operation *op, ValueRange x);

static Type resultType(Operation *op) {
  return getElementTypeOrSelf(op->getResult(0));
}

/// The functions of f32 that KernelBuilder has, else the C library's.
template <auto fn>
static Value approximate(KernelBuilder &k, Value x, StringRef name) {
  if (getElementTypeOrSelf(x.getType()).isF32())
    return fn(k, x);
  return emitLibm(k, name, {x});
}

static const llvm::StringMap<Emit> &getTable() {
#define UNARY(EXPRESSION)                                                      \
  [](KernelBuilder &k, Operation *op, ValueRange x) -> Value {                 \
    (void)op;                                                                  \
    return EXPRESSION;                                                         \
  }
  static const llvm::StringMap<Emit> table = {
      {"arith.divsi", UNARY(emitDivide(k, x[0], x[1]))},
      {"arith.divui", UNARY(emitDivideU(k, x[0], x[1]))},
      {"arith.floordivsi", UNARY(emitFloorDivide(k, x[0], x[1]))},
      {"arith.ceildivsi", UNARY(emitCeilDivide(k, x[0], x[1]))},
      {"arith.ceildivui", UNARY(emitCeilDivideU(k, x[0], x[1]))},
      {"arith.remsi", UNARY(emitRemainder(k, x[0], x[1]))},
      {"arith.remui", UNARY(emitRemainderU(k, x[0], x[1]))},
      {"arith.shli", UNARY(emitShift(k, qnt::target::Shift::Left, x[0], x[1]))},
      {"arith.shrui",
       UNARY(emitShift(k, qnt::target::Shift::RightU, x[0], x[1]))},
      {"arith.shrsi",
       UNARY(emitShift(k, qnt::target::Shift::RightS, x[0], x[1]))},
      {"arith.extsi", UNARY(intToInt(k, x[0], resultType(op), true))},
      {"arith.extui", UNARY(intToInt(k, x[0], resultType(op), false))},
      {"arith.trunci", UNARY(intToInt(k, x[0], resultType(op), true))},
      {"arith.index_cast",
       UNARY(intToInt(k, x[0], getComputeType(resultType(op)), true))},
      {"arith.index_castui",
       UNARY(intToInt(k, x[0], getComputeType(resultType(op)), false))},
      {"arith.sitofp", UNARY(intToFloat(k, x[0], resultType(op), true))},
      {"arith.uitofp", UNARY(intToFloat(k, x[0], resultType(op), false))},
      {"arith.fptosi", UNARY(floatToInt(k, x[0], resultType(op), true))},
      {"arith.fptoui", UNARY(floatToInt(k, x[0], resultType(op), false))},
      {"arith.bitcast", UNARY(emitBitcast(k, op, x[0]))},
      {"arith.extf", UNARY(convertFloat(k, x[0], resultType(op)))},
      {"arith.truncf", UNARY(convertFloat(k, x[0], resultType(op)))},
      {"arith.remf", UNARY(emitLibm(k, "fmod", x))},
      {"math.isnan", UNARY(compare(k, arith::CmpFPredicate::UNO, x[0], x[0]))},
      {"math.isinf", UNARY(compare(k, arith::CmpFPredicate::OEQ, k.absF(x[0]),
                                   infinity(k, x[0])))},
      {"math.isfinite", UNARY(compare(k, arith::CmpFPredicate::OLT,
                                      k.absF(x[0]), infinity(k, x[0])))},
      {"math.ipowi", UNARY(emitIntegerPower(k, x[0], x[1]))},
      {"math.fpowi",
       UNARY(emitLibm(
           k, "pow",
           {x[0],
            intToFloat(k, x[1], getElementTypeOrSelf(x[0].getType()), true)}))},
      {"math.clampf",
       UNARY(arith::MinimumFOp::create(
           k.b, k.loc, arith::MaximumFOp::create(k.b, k.loc, x[0], x[1]),
           x[2]))},
      {"math.rsqrt", UNARY(k.fdiv(number(k, x[0], 1), k.sqrt(x[0])))},
      {"math.exp", UNARY(approximate<emitExp>(k, x[0], "exp"))},
      {"math.tanh",
       UNARY(approximate<[](KernelBuilder &k, Value x) { return k.tanh(x); }>(
           k, x[0], "tanh"))},
      {"math.powf", UNARY(emitPower(k, x[0], x[1]))},
      {"math.acos", UNARY(emitLibm(k, "acos", x))},
      {"math.acosh", UNARY(emitLibm(k, "acosh", x))},
      {"math.asin", UNARY(emitLibm(k, "asin", x))},
      {"math.asinh", UNARY(emitLibm(k, "asinh", x))},
      {"math.atan", UNARY(emitLibm(k, "atan", x))},
      {"math.atan2", UNARY(emitLibm(k, "atan2", x))},
      {"math.atanh", UNARY(emitLibm(k, "atanh", x))},
      {"math.cbrt", UNARY(emitLibm(k, "cbrt", x))},
      {"math.cos", UNARY(emitLibm(k, "cos", x))},
      {"math.cosh", UNARY(emitLibm(k, "cosh", x))},
      {"math.erf",
       UNARY(approximate<[](KernelBuilder &k, Value x) { return k.erf(x); }>(
           k, x[0], "erf"))},
      {"math.erfc", UNARY(emitLibm(k, "erfc", x))},
      {"math.exp2", UNARY(emitLibm(k, "exp2", x))},
      {"math.expm1", UNARY(emitLibm(k, "expm1", x))},
      {"math.log",
       UNARY(approximate<[](KernelBuilder &k, Value x) { return k.log(x); }>(
           k, x[0], "log"))},
      {"math.log10", UNARY(emitLibm(k, "log10", x))},
      {"math.log1p", UNARY(emitLibm(k, "log1p", x))},
      {"math.log2", UNARY(emitLibm(k, "log2", x))},
      {"math.sin", UNARY(emitLibm(k, "sin", x))},
      {"math.sinh", UNARY(emitLibm(k, "sinh", x))},
      {"math.tan", UNARY(emitLibm(k, "tan", x))},
  };
#undef UNARY
  return table;
}

/// Ops that lower as they are, of numbers and vectors.
static bool isDirect(StringRef name) {
  static const llvm::StringSet<> names = {
      "arith.addi",     "arith.subi",    "arith.muli",     "arith.andi",
      "arith.ori",      "arith.xori",    "arith.minsi",    "arith.maxsi",
      "arith.minui",    "arith.maxui",   "arith.cmpi",     "arith.cmpf",
      "arith.select",   "arith.negf",    "arith.addf",     "arith.subf",
      "arith.mulf",     "arith.divf",    "arith.maximumf", "arith.minimumf",
      "arith.maxnumf",  "arith.minnumf", "math.absi",      "math.ctpop",
      "math.ctlz",      "math.cttz",     "math.absf",      "math.ceil",
      "math.copysign",  "math.floor",    "math.fma",       "math.round",
      "math.roundeven", "math.sqrt",     "math.trunc"};
  return names.contains(name);
}

/// Ops that give one of their operands, or its magnitude: nothing to round.
static bool isExact(Operation *op) {
  return isa<arith::SelectOp, arith::NegFOp, arith::MaximumFOp,
             arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
             math::AbsFOp, math::CopySignOp, math::ClampFOp, math::CeilOp,
             math::FloorOp, math::TruncOp, math::RoundOp, math::RoundEvenOp,
             arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp,
             arith::BitcastOp>(op);
}

bool qnt::cpu::isScalarOpKnown(Operation *op) {
  StringRef name = op->getName().getStringRef();
  return (isDirect(name) || getTable().contains(name)) &&
         llvm::all_of(op->getOperandTypes(), isNumber) &&
         llvm::all_of(op->getResultTypes(), isNumber);
}

Value qnt::cpu::emitScalarOp(KernelBuilder &k, Operation *op,
                             ValueRange operands) {
  Type element = resultType(op);
  StringRef name = op->getName().getStringRef();
  Value result;
  if (auto entry = getTable().find(name); entry != getTable().end()) {
    result = entry->second(k, op, operands);
  } else {
    OperationState state(k.loc, op->getName());
    state.addOperands(operands);
    state.addTypes(shaped(getComputeType(element), operands.back()));
    state.addAttributes(op->getAttrs());
    result = k.b.create(state)->getResult(0);
  }
  if ((element.isF16() || element.isBF16()) && !isExact(op))
    result = convertFloat(k, result, element);
  return result;
}
