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

#include <cstring>

namespace qnt {

/// A scale as f32, f16 or bf16; `value` is one of the type's numbers.
inline void writeScale(char *at, float value, mlir::Type type) {
  if (type.isF32()) {
    std::memcpy(at, &value, 4);
    return;
  }
  uint16_t bits =
      type.isF16() ? support::floatToF16(value) : support::floatToBf16(value);
  std::memcpy(at, &bits, 2);
}

inline float readScale(const char *at, mlir::Type type) {
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
