//===- Conversions.cpp - f32 to floats of a few bits -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// cvt.rn.satfinite to e4m3x2, e5m2x2 and e2m1x2 (PTX ISA, "cvt"): to nearest,
// even of two, the largest number beyond it; NaN to the format's, or without
// one to the largest number.
//
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"

#include <cmath>

using namespace mlir;
using namespace qnt::emu;

namespace {
/// Fields, and the codes of the largest number and of NaN.
struct Format {
  int exponent, mantissa;
  uint32_t largest, nan;

  uint32_t encode(float x) const {
    int bias = (1 << (exponent - 1)) - 1;
    if (std::isnan(x))
      return nan;
    uint32_t sign = uint32_t(std::signbit(x)) << (exponent + mantissa);
    double size = std::fabs(double(x));
    if (std::isinf(size))
      return sign | largest;
    if (size == 0)
      return sign;
    // Of subnormal numbers the spacing is that of the smallest normal ones.
    int power = std::max(std::ilogb(size), 1 - bias);
    double units = std::nearbyint(std::ldexp(size, mantissa - power));
    auto code = uint64_t(power + bias - 1) << mantissa;
    code = uint64_t(std::min(double(code) + units, double(largest)));
    return sign | uint32_t(code);
  }
};
constexpr Format e4m3{4, 3, 0x7e, 0x7f}, e5m2{5, 2, 0x7b, 0x7f},
    e2m1{2, 1, 7, 7};
} // namespace

static FailureOr<Instruction> lowerBytes(NVVM::ConvertF32x2ToF8x2Op op) {
  bool isE5M2 = isa<Float8E5M2Type>(op.getDstTy());
  if (op.getRelu() || op.getSat() != NVVM::SaturationMode::SATFINITE ||
      op.getRnd() != NVVM::FPRoundingMode::RN ||
      !op.getDst().getType().isInteger(16) ||
      !(isE5M2 || isa<Float8E4M3FNType>(op.getDstTy())))
    return op.emitOpError("converts in a way that the emulator does not know");
  Format format = isE5M2 ? e5m2 : e4m3;
  return Instruction{
      Scope::Lane, [format](Execution &execution) {
        uint32_t high = format.encode(execution.operand<float>(0, 0));
        uint32_t low = format.encode(execution.operand<float>(0, 1));
        execution.result<uint16_t>(0) = uint16_t(high << 8 | low);
      }};
}

static FailureOr<Instruction> lowerNibbles(NVVM::ConvertF32x2ToF4x2Op op) {
  if (op.getRelu() || !isa<Float4E2M1FNType>(op.getDstTy()))
    return op.emitOpError("converts in a way that the emulator does not know");
  return Instruction{Scope::Lane, [](Execution &execution) {
                       uint32_t high =
                           e2m1.encode(execution.operand<float>(0, 0));
                       uint32_t low =
                           e2m1.encode(execution.operand<float>(0, 1));
                       execution.result<uint8_t>(0) = uint8_t(high << 4 | low);
                     }};
}

void qnt::emu::addConversions(InstructionTable &table) {
  table.add<NVVM::ConvertF32x2ToF8x2Op>(lowerBytes);
  table.add<NVVM::ConvertF32x2ToF4x2Op>(lowerNibbles);
}
