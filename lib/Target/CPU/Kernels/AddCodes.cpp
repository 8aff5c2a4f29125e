//===- AddCodes.cpp - sums of quantised images ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// The zero point that codes have beside their stored form.
static Value loadZero(KernelBuilder &k, const Grid &grid, Value zero) {
  return grid.hasZero ? k.load(k.f32(), zero, 4) : k.cf32(0);
}

/// 16 codes as numbers.
static Value loadNumbers(KernelBuilder &k, const Grid &grid, Value pointer,
                         Value count) {
  Value bytes = count ? k.loadPartial(k.i8(), pointer, count)
                      : k.load(k.vec(k.i8()), pointer);
  Value codes = k.zext(bytes, k.i32());
  if (grid.excess)
    codes = k.sub(codes, k.constant(codes.getType(), double(grid.excess)));
  return k.sitofp(codes, k.f32());
}

Kernel qnt::cpu::getAddCodesKernel(KernelLibrary &lib, const ImageShape &lhs,
                                   const ImageShape &rhs,
                                   const ImageShape &result) {
  Grid a = lhs.grid, b = rhs.grid, out = result.grid;
  NumberFormat format = result.type.getFormat();
  std::string name = "add_codes." + std::to_string(out.height) + "x" +
                     std::to_string(out.width) + "." + a.getName() + "." +
                     b.getName() + "." + format.getName() + "." + out.getName();
  SmallVector<Type> args = argTypes(lib, 6, 1);
  args.append(3, args.front());
  // Equal channels take equal bytes: lines are alike in all three, with what is
  // between the channels and the next pixel, which is nobody's.
  int64_t bytes = out.width * out.pixelBytes;
  return getRowsKernel(
      lib, name, args, bytes,
      [=](KernelBuilder &k, ValueRange v) {
        return k.mul(v[6], k.c64(out.height));
      },
      [=](KernelBuilder &k, ValueRange v, Value row) {
        Value image = k.divS(row, k.c64(out.height));
        Value line = k.remS(row, k.c64(out.height));
        auto start = [&](const Grid &grid, Value pointer) {
          Value offset = k.add(k.mul(image, k.c64(grid.imageBytes)),
                               k.mul(line, k.c64(grid.lineBytes)));
          return k.at(pointer, k.add(offset, k.c64(grid.origin)));
        };
        Value x = start(a, v[0]), y = start(b, v[3]), to = start(out, v[7]);
        Value unit = k.load(k.f32(), v[8], 4);
        Value ratioA = k.fdiv(k.load(k.f32(), v[1], 4), unit);
        Value ratioB = k.fdiv(k.load(k.f32(), v[4], 4), unit);
        Value zeros = k.fma(ratioA, loadZero(k, a, v[2]),
                            k.mul(ratioB, loadZero(k, b, v[5])));
        Value rest = k.splat(k.sub(loadZero(k, out, v[9]), zeros));
        Value low = k.splat(k.cf32(format.getMin()));
        Value high = k.splat(k.cf32(format.getMax()));
        Value excess = k.splat(k.c32(int32_t(out.excess)));
        ratioA = k.splat(ratioA);
        ratioB = k.splat(ratioB);
        k.overLanes(bytes, [&](Value i, Value count) {
          Value sum = k.fma(loadNumbers(k, b, k.at(y, i), count), ratioB, rest);
          sum = k.fma(loadNumbers(k, a, k.at(x, i), count), ratioA, sum);
          sum = k.roundToInt(k.minF(k.maxF(sum, low), high));
          Value code = k.trunc(k.add(sum, excess), k.i8());
          if (count)
            k.storePartial(code, k.at(to, i), count);
          else
            k.store(code, k.at(to, i));
        });
      });
}
