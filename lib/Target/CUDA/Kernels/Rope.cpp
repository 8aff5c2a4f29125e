//===- Rope.cpp - rotary position embedding -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Points.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt::cuda;

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Cosine and sine of an angle in f64 below 2^20, in f32, to two units in the
/// last place of 1: a turn is taken off in f64, the rest is a polynomial
/// (Moshier's, of the Cephes library).
static std::pair<Value, Value> emitCosSin(KernelBuilder &k, Value angle) {
  auto f64 = [&](double x) { return k.cf64(x); };
  // Adding 1.5 * 2^52 leaves the nearest integer in the last bits.
  Value shifted =
      k.add(k.mul(angle, f64(0x1.45f306dc9c883p-1)), f64(0x1.8p+52));
  Value quarters = k.sub(shifted, f64(0x1.8p+52));
  // pi / 2 in two parts, of which the first has zeros to spare.
  Value rest = k.sub(angle, k.mul(quarters, f64(0x1.921fb544p+0)));
  rest = k.sub(rest, k.mul(quarters, f64(0x1.0b4611a626331p-34)));
  Value turn = k.trunc(k.bitcast(shifted, k.i64()), k.i32());
  Value x = arith::TruncFOp::create(k.b, k.loc, k.f32(), rest);
  Value square = k.mul(x, x);
  auto polynomial = [&](std::initializer_list<float> coefficients) {
    Value sum;
    for (float c : coefficients)
      sum = sum ? k.fma(sum, square, k.cf32(c)) : k.cf32(c);
    return sum;
  };
  Value sine =
      polynomial({-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f});
  sine = k.fma(k.mul(sine, square), x, x);
  Value cosine = polynomial({2.443315711809948e-5f, -1.388731625493765e-3f,
                             4.166664568298827e-2f, -0.5f, 1.0f});
  Value isOdd = k.eq(k.band(turn, k.c32(1)), k.c32(1));
  Value half = k.band(turn, k.c32(2));
  auto negateIf = [&](Value condition, Value value) {
    return k.select(k.eq(condition, k.c32(2)), k.negF(value), value);
  };
  // A quarter further: the cosine is the sine's negative.
  Value next = k.band(k.addC(turn, 1), k.c32(2));
  return {negateIf(next, k.select(isOdd, sine, cosine)),
          negateIf(half, k.select(isOdd, cosine, sine))};
}

Kernel qnt::cuda::getRopeTableKernel(KernelLibrary &lib, int64_t dim,
                                     double factor) {
  int64_t half = dim / 2;
  Points points(half, 1);
  Kernel kernel;
  kernel.addInput("positions");
  kernel.addInput("frequencies");
  kernel.addOutput("out");
  points.describe(kernel, kernel.addSize("rows"));
  std::string name = llvm::formatv("rope_table_{0}_{1:x-}", dim,
                                   llvm::bit_cast<uint32_t>(float(factor)));
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    points.emit(k, args[3], [&](Value row, Value i) {
      Value position = k.load(k.i32(), k.atRow(args[0], row, 4), 4);
      Value frequency = k.load(k.f64(), k.atRow(args[1], i, 8), 8);
      auto [cosine, sine] =
          emitCosSin(k, k.mul(k.sitofp(position, k.f64()), frequency));
      Value to = k.atRow(args[2], row, 4 * dim);
      Value scale = k.cf32(float(factor));
      storeNumbers(k, k.mul(cosine, scale), k.f32(), to, i);
      storeNumbers(k, k.mul(sine, scale), k.f32(), to, k.addC(i, half));
    });
  });
}

//===----------------------------------------------------------------------===//
// Rotation
//===----------------------------------------------------------------------===//

Kernel qnt::cuda::getRopeKernel(KernelLibrary &lib, const RopeSpec &spec) {
  int64_t half = spec.rotary / 2, features = spec.heads * spec.headDim;
  bool isWide = !spec.isInterleaved && half % 4 == 0 && spec.headDim % 4 == 0;
  Points points(features, isWide ? 4 : 1);
  Kernel kernel;
  kernel.addInput("x");
  kernel.addInput("table");
  kernel.addOutput("out");
  points.describe(kernel, kernel.addSize("rows"));
  std::string name =
      llvm::formatv("rope_{0}x{1}_{2}{3}", spec.heads, spec.headDim,
                    spec.rotary, spec.isInterleaved ? "_interleaved" : "");
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    points.emit(k, args[3], [&](Value row, Value first) {
      Value x = k.atRow(args[0], row, 4 * features);
      Value table = k.atRow(args[1], row, 4 * spec.rotary);
      auto load = [&](Value from, Value i) {
        return loadNumbers(k, k.f32(), from, i, points.width);
      };
      auto store = [&](Value numbers) {
        storeNumbers(k, numbers, k.f32(), k.atRow(args[2], row, 4 * features),
                     first);
      };
      Value d = k.remC(first, spec.headDim);
      Value mine = load(x, first);
      auto rotate = [&] {
        // The pair, which of it this is, and how far the other one is.
        Value pair, isSecond;
        int64_t distance = spec.isInterleaved ? 1 : half;
        if (spec.isInterleaved) {
          pair = k.divC(d, 2);
          isSecond = k.eq(k.remC(d, 2), k.c32(1));
        } else {
          pair = k.remC(d, half);
          isSecond = k.geS(d, k.c32(int32_t(half)));
        }
        Value step = k.select(isSecond, k.c32(int32_t(-distance)),
                              k.c32(int32_t(distance)));
        Value other = load(x, k.add(first, step));
        Value cosine = load(table, pair),
              sine = load(table, k.addC(pair, half));
        Value sign = k.select(isSecond, k.cf32(1), k.cf32(-1));
        sine = k.mul(sine, spread(k, sign, points.width));
        store(k.add(k.mul(mine, cosine), k.mul(other, sine)));
      };
      if (spec.rotary == spec.headDim)
        return rotate();
      k.ifElse(k.ltS(d, k.c32(int32_t(spec.rotary))), rotate,
               [&] { store(mine); });
    });
  });
}
