//===- Minifloats.cpp - products with small floats -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Minifloats.h"

#include "Sums.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

namespace {
/// The parts of vectors of codes.
class Decoder {
public:
  Decoder(ProcessBuilder &process, Minifloat format, Value codes)
      : process(process), format(format), codes(codes),
        exponents(getField(format.mantissa, format.exponent)),
        areNormal(process.compare(arith::CmpIPredicate::ne, exponents,
                                  process.splat(exponents.getType(), 0))) {}

  /// Signed, of a bit more than the one before the mantissa takes.
  Value getSignificands();
  /// `numbers`, signed, by the places of the codes up, in at most `bits`.
  Value shift(Value numbers, unsigned bits);

private:
  Value getField(unsigned first, unsigned bits) {
    return process.resize(process.shiftRight(codes, first, /*isSigned=*/false),
                          bits, /*isSigned=*/false);
  }

  ProcessBuilder &process;
  const Minifloat format;
  const Value codes, exponents, areNormal;
};
} // namespace

Value Decoder::getSignificands() {
  unsigned bits = format.mantissa + 2;
  Value numbers = process.resize(areNormal, bits, /*isSigned=*/false);
  if (format.mantissa > 0)
    numbers = process.join(process.shiftLeft(numbers, format.mantissa),
                           process.resize(getField(0, format.mantissa), bits,
                                          /*isSigned=*/false));
  Value negative =
      process.subtract(process.splat(numbers.getType(), 0), numbers);
  return process.select(getField(format.getBits() - 1, 1), negative, numbers);
}

Value Decoder::shift(Value numbers, unsigned bits) {
  if (format.getMostPlaces() == 0)
    return numbers;
  Value places =
      process.subtract(exponents, process.resize(areNormal, format.exponent,
                                                 /*isSigned=*/false));
  unsigned width =
      getElementTypeOrSelf(numbers.getType()).getIntOrFloatBitWidth();
  for (unsigned bit = 0; bit < format.exponent; ++bit) {
    unsigned by = 1u << bit;
    width = std::min(bits, width + by);
    numbers = process.resize(numbers, width, /*isSigned=*/true);
    Value isMoved =
        process.resize(process.shiftRight(places, bit, /*isSigned=*/false), 1,
                       /*isSigned=*/false);
    // What has no room there is none's.
    if (by < width)
      numbers =
          process.select(isMoved, process.shiftLeft(numbers, by), numbers);
  }
  return numbers;
}

Value fpga::multiplyMinifloats(ProcessBuilder &process, Value codes,
                               bool isSigned, Value weights, Minifloat format,
                               unsigned bits, bool inLuts) {
  Decoder decoder(process, format, weights);
  Value factors = decoder.getSignificands();
  if (!inLuts)
    return multiplyRows(process, codes, isSigned, decoder.shift(factors, bits),
                        inLuts);
  unsigned codeBits =
      getElementTypeOrSelf(codes.getType()).getIntOrFloatBitWidth();
  return decoder.shift(multiplyRows(process, codes, isSigned, factors, inLuts),
                       codeBits + !isSigned + bits);
}
