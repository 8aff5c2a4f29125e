//===- ScaleBytes.h - scales in memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_SCALEBYTES_H
#define QNT_DIALECTS_QNT_SCALEBYTES_H

#include "qnt/Support/Half.h"

#include "mlir/IR/BuiltinTypes.h"

#include <bit>
#include <cstring>

namespace qnt {

/// A scale as f32, f16, bf16, f8E4M3FN or f8E8M0FNU; `value` is one of the
/// type's numbers.
inline void writeScale(char *at, float value, mlir::Type type) {
  if (mlir::isa<mlir::Float8E8M0FNUType>(type)) {
    *at = char(std::bit_cast<uint32_t>(value) >> 23);
    return;
  }
  if (mlir::isa<mlir::Float8E4M3FNType>(type)) {
    llvm::APFloat number(value);
    bool isLossy;
    number.convert(llvm::APFloat::Float8E4M3FN(),
                   llvm::APFloat::rmNearestTiesToEven, &isLossy);
    *at = char(number.bitcastToAPInt().getZExtValue());
    return;
  }
  if (type.isF32()) {
    std::memcpy(at, &value, 4);
    return;
  }
  uint16_t bits =
      type.isF16() ? support::floatToF16(value) : support::floatToBf16(value);
  std::memcpy(at, &bits, 2);
}

inline float readScale(const char *at, mlir::Type type) {
  if (mlir::isa<mlir::Float8E8M0FNUType>(type))
    return std::bit_cast<float>(uint32_t(uint8_t(*at)) << 23);
  if (mlir::isa<mlir::Float8E4M3FNType>(type))
    return support::f8e4m3ToFloat(uint8_t(*at));
  if (type.isF32()) {
    float value;
    std::memcpy(&value, at, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  return type.isF16() ? support::f16ToFloat(bits) : support::bf16ToFloat(bits);
}

} // namespace qnt

#endif // QNT_DIALECTS_QNT_SCALEBYTES_H
