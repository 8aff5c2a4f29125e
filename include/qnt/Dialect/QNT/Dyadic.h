//===- Dyadic.h - ratios of scales as integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The arithmetic of qnt.quantize_bias, qnt.dyadic_shift and qnt.dyadic, for all
// who evaluate them.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_DYADIC_H
#define QNT_DIALECT_QNT_DYADIC_H

#include <cstdint>
#include <optional>

namespace qnt {

/// `value` rounded half to even; none beyond 32 bits, and of NaN.
std::optional<int32_t> roundToInt32(double value);

/// The largest shift of 1 to 62 at which a ratio of this magnitude has a
/// multiplier of 31 bits; none from 2^30 on, and of NaN.
std::optional<int32_t> chooseDyadicShift(double ratio);

/// ratio * 2^shift rounded half to even; none beyond 32 bits.
std::optional<int32_t> getDyadicMultiplier(double ratio, int32_t shift);

} // namespace qnt

#endif // QNT_DIALECT_QNT_DYADIC_H
