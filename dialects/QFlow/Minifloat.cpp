//===- Minifloat.cpp - integers that are stored as small floats -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QFlow/Minifloat.h"

#include "llvm/Support/MathExtras.h"

using namespace qnt::qflow;

std::optional<uint64_t> Minifloat::encode(int64_t integer) const {
  uint64_t magnitude = integer < 0 ? -uint64_t(integer) : uint64_t(integer);
  uint64_t code = magnitude;
  if (magnitude >> mantissa > 1) {
    unsigned places = llvm::Log2_64(magnitude) - mantissa;
    uint64_t significand = magnitude >> places;
    if (places > getMostPlaces() || significand << places != magnitude)
      return std::nullopt;
    // The one before the mantissa counts the exponent up from its places.
    code = (uint64_t(places) << mantissa) + significand;
  }
  return uint64_t(integer < 0) << (getBits() - 1) | code;
}
