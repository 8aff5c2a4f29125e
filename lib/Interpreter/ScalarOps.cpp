//===- ScalarOps.cpp - arith and math on lanes of numbers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Floats are computed in double and rounded to the kind of the result; for
// + - * / and the square root that equals rounding once. Integers wrap. What
// arith leaves undefined is defined here as targets implement it
// (docs/interpreter.md).
//
//===----------------------------------------------------------------------===//
#include "ScalarOps.h"

#include "qnt/Support/Half.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

#include <bit>
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

template <typename T, typename Read>
static void loadAs(const char *bytes, int64_t first, int64_t step,
                   int64_t count, Read read) {
  for (int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes + (first + i * step) * int64_t(sizeof(T)),
                sizeof(T));
    read(i, value);
  }
}

void interp::loadLanes(ElementKind kind, const char *bytes, int64_t first,
                       int64_t step, int64_t count, Scalar *lanes) {
  auto toFloat = [&](int64_t i, auto value) { lanes[i].f = double(value); };
  auto toInt = [&](int64_t i, auto value) { lanes[i].i = int64_t(value); };
  switch (kind) {
  case ElementKind::F64:
    return loadAs<double>(bytes, first, step, count, toFloat);
  case ElementKind::F32:
    return loadAs<float>(bytes, first, step, count, toFloat);
  case ElementKind::F16:
    return loadAs<uint16_t>(bytes, first, step, count, [&](int64_t i, auto v) {
      lanes[i].f = support::f16ToFloat(v);
    });
  case ElementKind::BF16:
    return loadAs<uint16_t>(bytes, first, step, count, [&](int64_t i, auto v) {
      lanes[i].f = support::bf16ToFloat(v);
    });
  case ElementKind::I1:
  case ElementKind::U8:
    return loadAs<uint8_t>(bytes, first, step, count, toInt);
  case ElementKind::I8:
    return loadAs<int8_t>(bytes, first, step, count, toInt);
  case ElementKind::I16:
    return loadAs<int16_t>(bytes, first, step, count, toInt);
  case ElementKind::I32:
    return loadAs<int32_t>(bytes, first, step, count, toInt);
  case ElementKind::I64:
    return loadAs<int64_t>(bytes, first, step, count, toInt);
  }
}

template <typename T, typename Get>
static void storeAs(char *bytes, int64_t first, int64_t step, int64_t count,
                    Get get) {
  for (int64_t i = 0; i < count; ++i) {
    T value = T(get(i));
    std::memcpy(bytes + (first + i * step) * int64_t(sizeof(T)), &value,
                sizeof(T));
  }
}

void interp::storeLanes(ElementKind kind, char *bytes, int64_t first,
                        int64_t step, int64_t count, const Scalar *lanes) {
  auto number = [&](int64_t i) { return lanes[i].f; };
  auto integer = [&](int64_t i) { return lanes[i].i; };
  switch (kind) {
  case ElementKind::F64:
    return storeAs<double>(bytes, first, step, count, number);
  case ElementKind::F32:
    return storeAs<float>(bytes, first, step, count, number);
  case ElementKind::F16:
    return storeAs<uint16_t>(bytes, first, step, count, [&](int64_t i) {
      return support::floatToF16(float(lanes[i].f));
    });
  case ElementKind::BF16:
    return storeAs<uint16_t>(bytes, first, step, count, [&](int64_t i) {
      return support::floatToBf16(float(lanes[i].f));
    });
  default:
    break;
  }
  switch (byteWidth(kind)) {
  case 1:
    return storeAs<uint8_t>(bytes, first, step, count, integer);
  case 2:
    return storeAs<uint16_t>(bytes, first, step, count, integer);
  case 4:
    return storeAs<uint32_t>(bytes, first, step, count, integer);
  default:
    return storeAs<uint64_t>(bytes, first, step, count, integer);
  }
}

//===----------------------------------------------------------------------===//
// Classes of ops
//===----------------------------------------------------------------------===//

namespace {
/// Applies `fn` to the operands as `read` sees them.
template <auto fn, typename Read>
auto apply(const Scalar *const *in, int64_t i, Read read) {
  using T = decltype(read(Scalar{}));
  if constexpr (std::is_invocable_v<decltype(fn), T>)
    return fn(read(in[0][i]));
  else if constexpr (std::is_invocable_v<decltype(fn), T, T>)
    return fn(read(in[0][i]), read(in[1][i]));
  else
    return fn(read(in[0][i]), read(in[1][i]), read(in[2][i]));
}

int64_t wrap(unsigned bits, int64_t value) {
  return bits == 1 ? value & 1 : llvm::SignExtend64(uint64_t(value), bits);
}
uint64_t zeroExtend(unsigned bits, int64_t value) {
  return uint64_t(value) & (~uint64_t(0) >> (64 - bits));
}

template <auto fn>
void floats(const ScalarOp &, Scalar *out, const Scalar *const *in,
            int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i].f = apply<fn>(in, i, [](Scalar x) { return x.f; });
}

/// bool of floats.
template <auto fn>
void classify(const ScalarOp &, Scalar *out, const Scalar *const *in,
              int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i].i = fn(in[0][i].f);
}

/// fn(x as signed, y as signed).
template <auto fn>
void signedInts(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                int64_t count) {
  unsigned bits = op.fromBits;
  auto read = [bits](Scalar x) {
    return llvm::SignExtend64(uint64_t(x.i), bits);
  };
  for (int64_t i = 0; i < count; ++i)
    out[i].i = wrap(op.bits, int64_t(apply<fn>(in, i, read)));
}

/// fn(x as unsigned, y as unsigned).
template <auto fn>
void unsignedInts(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                  int64_t count) {
  unsigned bits = op.fromBits;
  auto read = [bits](Scalar x) { return zeroExtend(bits, x.i); };
  for (int64_t i = 0; i < count; ++i)
    out[i].i = wrap(op.bits, int64_t(apply<fn>(in, i, read)));
}

/// fn(width, x, y), both zero-extended.
template <auto fn>
void sizedInts(const ScalarOp &op, Scalar *out, const Scalar *const *in,
               int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint64_t x = zeroExtend(op.bits, in[0][i].i);
    uint64_t y = in[1] ? zeroExtend(op.bits, in[1][i].i) : 0;
    out[i].i = wrap(op.bits, int64_t(fn(op.bits, x, y)));
  }
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

double maximum(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return std::isnan(x) ? x : y;
  return x == y ? (std::signbit(x) ? y : x) : (x > y ? x : y);
}
double minimum(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return std::isnan(x) ? x : y;
  return x == y ? (std::signbit(x) ? x : y) : (x < y ? x : y);
}

int64_t divide(int64_t x, int64_t y) {
  if (y == 0)
    return 0;
  return y == -1 ? int64_t(0 - uint64_t(x)) : x / y;
}
int64_t remainder(int64_t x, int64_t y) {
  return y == 0 || y == -1 ? 0 : x % y;
}
int64_t floorDivide(int64_t x, int64_t y) {
  return divide(x, y) - (remainder(x, y) != 0 && (x < 0) != (y < 0));
}
int64_t ceilDivide(int64_t x, int64_t y) {
  return divide(x, y) + (remainder(x, y) != 0 && (x < 0) == (y < 0));
}
uint64_t divideU(uint64_t x, uint64_t y) { return y ? x / y : 0; }
uint64_t remainderU(uint64_t x, uint64_t y) { return y ? x % y : 0; }

/// 0 for fractions, which powers with negative exponents are.
int64_t power(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
  uint64_t result = 1, factor = uint64_t(base);
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1)
      result *= factor;
  return int64_t(result);
}

/// To double with the bits that do not fit as one sticky bit, so that rounding
/// the result to f32 or less rounds the integer once.
double toOdd(uint64_t magnitude) {
  if (magnitude >> 53)
    magnitude = (magnitude >> 11 | ((magnitude & 0x7ff) != 0)) << 11;
  return double(magnitude);
}

void signedToFloat(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                   int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    int64_t x = llvm::SignExtend64(uint64_t(in[0][i].i), op.fromBits);
    if (op.kind == ElementKind::F64)
      out[i].f = double(x);
    else
      out[i].f = x < 0 ? -toOdd(0 - uint64_t(x)) : toOdd(uint64_t(x));
  }
}

void unsignedToFloat(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                     int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint64_t x = zeroExtend(op.fromBits, in[0][i].i);
    out[i].f = op.kind == ElementKind::F64 ? double(x) : toOdd(x);
  }
}

void floatToSigned(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                   int64_t count) {
  double limit = std::ldexp(1.0, int(op.bits) - 1);
  int64_t most = int64_t(~uint64_t(0) >> (65 - op.bits));
  for (int64_t i = 0; i < count; ++i) {
    double x = in[0][i].f;
    int64_t y = std::isnan(x) ? 0
                : x >= limit  ? most
                : x <= -limit ? -most - 1
                              : int64_t(x);
    out[i].i = wrap(op.bits, y);
  }
}

void floatToUnsigned(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                     int64_t count) {
  double limit = std::ldexp(1.0, int(op.bits));
  uint64_t most = ~uint64_t(0) >> (64 - op.bits);
  for (int64_t i = 0; i < count; ++i) {
    double x = in[0][i].f;
    uint64_t y = !(x > 0) ? 0 : x >= limit ? most : uint64_t(x);
    out[i].i = wrap(op.bits, int64_t(y));
  }
}

void bitcast(const ScalarOp &op, Scalar *out, const Scalar *const *in,
             int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    char bytes[8] = {};
    storeLanes(op.from, bytes, 0, 1, 1, &in[0][i]);
    loadLanes(op.kind, bytes, 0, 1, 1, &out[i]);
  }
}

void select(const ScalarOp &, Scalar *out, const Scalar *const *in,
            int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = in[0][i].i ? in[1][i] : in[2][i];
}

void copysign(const ScalarOp &, Scalar *out, const Scalar *const *in,
              int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i].f = std::copysign(in[0][i].f, in[1][i].f);
}

void powerOfInt(const ScalarOp &, Scalar *out, const Scalar *const *in,
                int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i].f = std::pow(in[0][i].f, double(in[1][i].i));
}

void compareInts(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                 int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i].i = arith::applyCmpPredicate(
        arith::CmpIPredicate(op.predicate),
        APInt(op.fromBits, zeroExtend(op.fromBits, in[0][i].i)),
        APInt(op.fromBits, zeroExtend(op.fromBits, in[1][i].i)));
}

void compareFloats(const ScalarOp &op, Scalar *out, const Scalar *const *in,
                   int64_t count) {
  using P = arith::CmpFPredicate;
  for (int64_t i = 0; i < count; ++i) {
    double x = in[0][i].f, y = in[1][i].f;
    bool unordered = std::isnan(x) || std::isnan(y), holds = false;
    switch (P(op.predicate)) {
    case P::AlwaysFalse:
      break;
    case P::AlwaysTrue:
      holds = true;
      break;
    case P::ORD:
      holds = !unordered;
      break;
    case P::UNO:
      holds = unordered;
      break;
    case P::OEQ:
    case P::UEQ:
      holds = x == y;
      break;
    case P::ONE:
    case P::UNE:
      holds = x < y || x > y;
      break;
    case P::OLT:
    case P::ULT:
      holds = x < y;
      break;
    case P::OLE:
    case P::ULE:
      holds = x <= y;
      break;
    case P::OGT:
    case P::UGT:
      holds = x > y;
      break;
    case P::OGE:
    case P::UGE:
      holds = x >= y;
      break;
    }
    out[i].i = holds || (unordered && P(op.predicate) >= P::UEQ);
  }
}

const llvm::StringMap<ScalarOp::Compute> &getTable() {
  using U = uint64_t;
  static const llvm::StringMap<ScalarOp::Compute> table = {
      {"arith.addi", unsignedInts<[](U x, U y) { return x + y; }>},
      {"arith.subi", unsignedInts<[](U x, U y) { return x - y; }>},
      {"arith.muli", unsignedInts<[](U x, U y) { return x * y; }>},
      {"arith.andi", unsignedInts<[](U x, U y) { return x & y; }>},
      {"arith.ori", unsignedInts<[](U x, U y) { return x | y; }>},
      {"arith.xori", unsignedInts<[](U x, U y) { return x ^ y; }>},
      {"arith.divsi", signedInts<divide>},
      {"arith.divui", unsignedInts<divideU>},
      {"arith.floordivsi", signedInts<floorDivide>},
      {"arith.ceildivsi", signedInts<ceilDivide>},
      {"arith.ceildivui", unsignedInts<[](U x, U y) {
         return divideU(x, y) + (remainderU(x, y) != 0);
       }>},
      {"arith.remsi", signedInts<remainder>},
      {"arith.remui", unsignedInts<remainderU>},
      {"arith.minsi",
       signedInts<[](int64_t x, int64_t y) { return std::min(x, y); }>},
      {"arith.maxsi",
       signedInts<[](int64_t x, int64_t y) { return std::max(x, y); }>},
      {"arith.minui", unsignedInts<[](U x, U y) { return std::min(x, y); }>},
      {"arith.maxui", unsignedInts<[](U x, U y) { return std::max(x, y); }>},
      {"arith.shli", sizedInts<[](unsigned bits, U x, U y) {
         return y < bits ? x << y : 0;
       }>},
      {"arith.shrui", sizedInts<[](unsigned bits, U x, U y) {
         return y < bits ? x >> y : 0;
       }>},
      {"arith.shrsi", sizedInts<[](unsigned bits, U x, U y) {
         return U(llvm::SignExtend64(x, bits) >> std::min<U>(y, bits - 1));
       }>},
      {"arith.cmpi", compareInts},
      {"arith.cmpf", compareFloats},
      {"arith.select", select},
      {"arith.extsi", signedInts<[](int64_t x) { return x; }>},
      {"arith.extui", unsignedInts<[](U x) { return x; }>},
      {"arith.trunci", unsignedInts<[](U x) { return x; }>},
      {"arith.index_cast", signedInts<[](int64_t x) { return x; }>},
      {"arith.index_castui", unsignedInts<[](U x) { return x; }>},
      {"arith.sitofp", signedToFloat},
      {"arith.uitofp", unsignedToFloat},
      {"arith.fptosi", floatToSigned},
      {"arith.fptoui", floatToUnsigned},
      {"arith.bitcast", bitcast},
      {"arith.extf", floats<[](double x) { return x; }>},
      {"arith.truncf", floats<[](double x) { return x; }>},
      {"arith.negf", floats<[](double x) { return -x; }>},
      {"arith.addf", floats<[](double x, double y) { return x + y; }>},
      {"arith.subf", floats<[](double x, double y) { return x - y; }>},
      {"arith.mulf", floats<[](double x, double y) { return x * y; }>},
      {"arith.divf", floats<[](double x, double y) { return x / y; }>},
      {"arith.remf",
       floats<[](double x, double y) { return std::fmod(x, y); }>},
      {"arith.maximumf", floats<maximum>},
      {"arith.minimumf", floats<minimum>},
      {"arith.maxnumf", floats<[](double x, double y) {
         return std::isnan(x) ? y : std::isnan(y) ? x : maximum(x, y);
       }>},
      {"arith.minnumf", floats<[](double x, double y) {
         return std::isnan(x) ? y : std::isnan(y) ? x : minimum(x, y);
       }>},
      {"math.absi",
       signedInts<[](int64_t x) { return int64_t(x < 0 ? 0 - U(x) : U(x)); }>},
      {"math.ctpop", unsignedInts<[](U x) { return std::popcount(x); }>},
      {"math.ctlz", sizedInts<[](unsigned bits, U x, U) {
         return std::countl_zero(x) - 64 + int(bits);
       }>},
      {"math.cttz", sizedInts<[](unsigned bits, U x, U) {
         return std::min(std::countr_zero(x), int(bits));
       }>},
      {"math.ipowi", signedInts<power>},
      {"math.fpowi", powerOfInt},
      {"math.isfinite", classify<[](double x) { return std::isfinite(x); }>},
      {"math.isinf", classify<[](double x) { return std::isinf(x); }>},
      {"math.isnan", classify<[](double x) { return std::isnan(x); }>},
      {"math.absf", floats<[](double x) { return std::fabs(x); }>},
      {"math.acos", floats<[](double x) { return std::acos(x); }>},
      {"math.acosh", floats<[](double x) { return std::acosh(x); }>},
      {"math.asin", floats<[](double x) { return std::asin(x); }>},
      {"math.asinh", floats<[](double x) { return std::asinh(x); }>},
      {"math.atan", floats<[](double x) { return std::atan(x); }>},
      {"math.atan2",
       floats<[](double x, double y) { return std::atan2(x, y); }>},
      {"math.atanh", floats<[](double x) { return std::atanh(x); }>},
      {"math.cbrt", floats<[](double x) { return std::cbrt(x); }>},
      {"math.ceil", floats<[](double x) { return std::ceil(x); }>},
      {"math.clampf", floats<[](double x, double low, double high) {
         return minimum(maximum(x, low), high);
       }>},
      {"math.copysign", copysign},
      {"math.cos", floats<[](double x) { return std::cos(x); }>},
      {"math.cosh", floats<[](double x) { return std::cosh(x); }>},
      {"math.erf", floats<[](double x) { return std::erf(x); }>},
      {"math.erfc", floats<[](double x) { return std::erfc(x); }>},
      {"math.exp", floats<[](double x) { return std::exp(x); }>},
      {"math.exp2", floats<[](double x) { return std::exp2(x); }>},
      {"math.expm1", floats<[](double x) { return std::expm1(x); }>},
      {"math.floor", floats<[](double x) { return std::floor(x); }>},
      {"math.fma",
       floats<[](double x, double y, double z) { return std::fma(x, y, z); }>},
      {"math.log", floats<[](double x) { return std::log(x); }>},
      {"math.log10", floats<[](double x) { return std::log10(x); }>},
      {"math.log1p", floats<[](double x) { return std::log1p(x); }>},
      {"math.log2", floats<[](double x) { return std::log2(x); }>},
      {"math.powf", floats<[](double x, double y) { return std::pow(x, y); }>},
      {"math.round", floats<[](double x) { return std::round(x); }>},
      {"math.roundeven", floats<[](double x) { return std::nearbyint(x); }>},
      {"math.rsqrt", floats<[](double x) { return 1 / std::sqrt(x); }>},
      {"math.sin", floats<[](double x) { return std::sin(x); }>},
      {"math.sinh", floats<[](double x) { return std::sinh(x); }>},
      {"math.sqrt", floats<[](double x) { return std::sqrt(x); }>},
      {"math.tan", floats<[](double x) { return std::tan(x); }>},
      {"math.tanh", floats<[](double x) { return std::tanh(x); }>},
      {"math.trunc", floats<[](double x) { return std::trunc(x); }>},
  };
  return table;
}
} // namespace

bool ScalarOp::isKnown(Operation *op) {
  return getTable().contains(op->getName().getStringRef());
}

std::optional<ScalarOp> ScalarOp::get(Operation *op) {
  auto entry = getTable().find(op->getName().getStringRef());
  if (entry == getTable().end())
    return std::nullopt;
  Type from = getElementTypeOrSelf(op->getOperand(0));
  Type to = getElementTypeOrSelf(op->getResult(0));
  auto fromKind = getElementKind(from), kind = getElementKind(to);
  if (!fromKind || !kind)
    return std::nullopt;
  ScalarOp result;
  result.compute = entry->second;
  result.kind = *kind;
  result.from = *fromKind;
  auto widthOf = [](Type type) {
    return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  };
  result.fromBits = widthOf(from);
  result.bits = widthOf(to);
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    result.predicate = int64_t(compare.getPredicate());
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    result.predicate = int64_t(compare.getPredicate());
  return result;
}

void ScalarOp::run(Scalar *out, const Scalar *const *in, int64_t count) const {
  compute(*this, out, in, count);
  switch (kind) {
  case ElementKind::F32:
    for (int64_t i = 0; i < count; ++i)
      out[i].f = float(out[i].f);
    break;
  case ElementKind::F16:
  case ElementKind::BF16:
    for (int64_t i = 0; i < count; ++i)
      out[i].f = roundTo(kind, out[i].f);
    break;
  default:
    break;
  }
}
