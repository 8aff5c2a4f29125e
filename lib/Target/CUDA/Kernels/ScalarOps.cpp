//===- ScalarOps.cpp - ops of elementwise kernels -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Elementwise.h"

#include "../Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

using Step = ElementwiseStep;

Type qnt::cuda::getComputeType(Type element) {
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  if (element.isIndex())
    return IntegerType::get(element.getContext(), 64);
  return element;
}

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

static Value compare(KernelBuilder &k, arith::CmpFPredicate predicate, Value x,
                     Value y) {
  return arith::CmpFOp::create(k.b, k.loc, predicate, x, y);
}

static Value intToInt(KernelBuilder &k, Value x, Type to, bool isSigned) {
  unsigned from = x.getType().getIntOrFloatBitWidth();
  unsigned width = to.getIntOrFloatBitWidth();
  if (from == width)
    return x;
  if (from > width)
    return k.trunc(x, to);
  return isSigned ? k.sext(x, to) : k.zext(x, to);
}

/// Beyond the range the nearest integer, of NaN 0.
static Value floatToInt(KernelBuilder &k, Value x, Type to, bool isSigned) {
  StringRef name = isSigned ? "llvm.fptosi.sat" : "llvm.fptoui.sat";
  return LLVM::CallIntrinsicOp::create(k.b, k.loc, to, k.b.getStringAttr(name),
                                       ValueRange{x})
      .getResults();
}

/// x / y or x % y that never trap: 0 of 0, and the least integer by -1 is
/// itself, with no remainder.
static Value divide(KernelBuilder &k, Value x, Value y, bool isSigned,
                    bool isRemainder) {
  Value zero = k.constant(x.getType(), 0), one = k.constant(x.getType(), 1);
  Value isZero = k.eq(y, zero);
  Value by = k.select(isZero, one, y), negated;
  if (isSigned) {
    negated = k.eq(y, k.constant(x.getType(), -1));
    by = k.select(negated, one, by);
  }
  Value result = isRemainder ? (isSigned ? k.remS(x, by) : k.remU(x, by))
                             : (isSigned ? k.divS(x, by) : k.divU(x, by));
  if (isSigned && !isRemainder)
    result = k.select(negated, k.sub(zero, x), result);
  return k.select(isZero, zero, result);
}

static Value activate(KernelBuilder &k, const Step &step, Value x) {
  auto kind = step.attributes.getAs<StringAttr>("kind").getValue();
  return emitActivation(k, *symbolizeEpilogueKind(kind), x);
}

static Value clamp(KernelBuilder &k, const Step &step, Value x) {
  auto bound = [&](StringRef name) {
    auto attribute = step.attributes.getAs<FloatAttr>(name);
    return k.cf32(float(attribute.getValueAsDouble()));
  };
  Value low = bound("low"), high = bound("high");
  x = k.select(k.ltF(x, low), low, x);
  return k.select(k.gtF(x, high), high, x);
}

static Value infinity(KernelBuilder &k) {
  return k.cf32(std::numeric_limits<float>::infinity());
}

using Emit = Value (*)(KernelBuilder &k, const Step &step, ValueRange x);

static const llvm::StringMap<Emit> &getTable() {
#define OP(EXPRESSION)                                                         \
  [](KernelBuilder &k, const Step &step, ValueRange x) -> Value {              \
    (void)step;                                                                \
    return EXPRESSION;                                                         \
  }
  static const llvm::StringMap<Emit> table = {
      {"nn.add", OP(k.add(x[0], x[1]))},
      {"nn.mul", OP(k.mul(x[0], x[1]))},
      {"nn.activation", OP(activate(k, step, x[0]))},
      {"nn.clamp", OP(clamp(k, step, x[0]))},
      {"arith.divsi", OP(divide(k, x[0], x[1], true, false))},
      {"arith.divui", OP(divide(k, x[0], x[1], false, false))},
      {"arith.remsi", OP(divide(k, x[0], x[1], true, true))},
      {"arith.remui", OP(divide(k, x[0], x[1], false, true))},
      {"arith.extsi", OP(intToInt(k, x[0], step.type, true))},
      {"arith.extui", OP(intToInt(k, x[0], step.type, false))},
      {"arith.trunci", OP(intToInt(k, x[0], step.type, true))},
      {"arith.index_cast",
       OP(intToInt(k, x[0], getComputeType(step.type), true))},
      {"arith.index_castui",
       OP(intToInt(k, x[0], getComputeType(step.type), false))},
      {"arith.sitofp", OP(k.sitofp(x[0], k.f32()))},
      {"arith.uitofp", OP(arith::UIToFPOp::create(k.b, k.loc, k.f32(), x[0]))},
      {"arith.fptosi", OP(floatToInt(k, x[0], step.type, true))},
      {"arith.fptoui", OP(floatToInt(k, x[0], step.type, false))},
      {"arith.extf", OP(x[0])},
      {"arith.truncf", OP(x[0])},
      {"math.exp", OP(k.exp(x[0]))},
      {"math.tanh", OP(k.tanh(x[0]))},
      {"math.erf", OP(k.erf(x[0]))},
      {"math.rsqrt", OP(k.fdiv(k.cf32(1), k.sqrt(x[0])))},
      {"math.isnan", OP(compare(k, arith::CmpFPredicate::UNO, x[0], x[0]))},
      {"math.isinf",
       OP(compare(k, arith::CmpFPredicate::OEQ, k.absF(x[0]), infinity(k)))},
      {"math.isfinite",
       OP(compare(k, arith::CmpFPredicate::OLT, k.absF(x[0]), infinity(k)))},
  };
#undef OP
  return table;
}

/// Ops that lower as they are.
static bool isDirect(StringRef name) {
  static const llvm::StringSet<> names = {
      "arith.addi",    "arith.subi",     "arith.muli",     "arith.andi",
      "arith.ori",     "arith.xori",     "arith.minsi",    "arith.maxsi",
      "arith.minui",   "arith.maxui",    "arith.cmpi",     "arith.cmpf",
      "arith.select",  "arith.negf",     "arith.addf",     "arith.subf",
      "arith.mulf",    "arith.divf",     "arith.maximumf", "arith.minimumf",
      "arith.maxnumf", "arith.minnumf",  "math.absf",      "math.ceil",
      "math.floor",    "math.roundeven", "math.sqrt",      "math.trunc"};
  return names.contains(name);
}

bool qnt::cuda::isScalarOpKnown(const Step &step) {
  bool isNumber = step.type.isF32() || isHalf(step.type) ||
                  step.type.isIndex() ||
                  (step.type.isInteger() &&
                   llvm::is_contained({1u, 8u, 16u, 32u, 64u},
                                      step.type.getIntOrFloatBitWidth()));
  return isNumber && (step.op == "arith.constant" || isDirect(step.op) ||
                      getTable().contains(step.op));
}

Value qnt::cuda::emitScalarOp(KernelBuilder &k, const Step &step,
                              ValueRange operands) {
  Type compute = getComputeType(step.type);
  if (step.op == "arith.constant") {
    Attribute value = step.attributes.get("value");
    if (auto number = dyn_cast<FloatAttr>(value))
      return k.constant(compute, number.getValueAsDouble());
    return arith::ConstantOp::create(
        k.b, k.loc,
        IntegerAttr::get(compute, cast<IntegerAttr>(value).getInt()));
  }
  Value result;
  if (auto entry = getTable().find(step.op); entry != getTable().end()) {
    result = entry->second(k, step, operands);
  } else {
    OperationState state(k.loc, step.op);
    state.addOperands(operands);
    state.addTypes(compute);
    if (step.attributes)
      state.addAttributes(step.attributes.getValue());
    result = k.b.create(state)->getResult(0);
  }
  return isHalf(step.type) ? k.extF(k.truncF(result, step.type)) : result;
}
