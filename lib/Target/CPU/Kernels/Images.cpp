//===- Images.cpp - images and codes between layouts ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

Kernel qnt::cpu::getPadImagesKernel(KernelLibrary &lib, Grid input,
                                    std::array<int64_t, 4> pads) {
  int64_t numbers = input.lineBytes / 4, pixel = input.pixelBytes / 4;
  int64_t before = pads[1] * pixel, after = pads[3] * pixel;
  int64_t line = before + numbers + after;
  int64_t lines = input.height + pads[0] + pads[2];
  std::string name =
      llvm::formatv("pad_images.{0}x{1}x{2}.p{3}x{4}x{5}x{6}", input.height,
                    input.width, pixel, pads[0], pads[1], pads[2], pads[3]);
  SmallVector<Type> args = argTypes(lib, 2, 1);
  return getRowsKernel(
      lib, name, args, line,
      [=](KernelBuilder &k, ValueRange v) { return k.mul(v[2], k.c64(lines)); },
      [=](KernelBuilder &k, ValueRange v, Value row) {
        Value image = k.divS(row, k.c64(lines));
        Value inside = k.sub(k.remS(row, k.c64(lines)), k.c64(pads[0]));
        Value out = k.at(v[1], k.mul(row, k.c64(line * 4)));
        Value none = k.constant(k.vec(k.f32()), 0);
        auto clear = [&](Value to, int64_t count) {
          k.overLanes(count, [&](Value i, Value lanes) {
            storeLanes(k, none, to, i, lanes);
          });
        };
        Value isInside =
            k.band(k.geS(inside, k.c64(0)), k.ltS(inside, k.c64(input.height)));
        k.ifElse(
            isInside,
            [&] {
              Value x =
                  k.at(v[0], k.add(k.mul(image, k.c64(input.imageBytes)),
                                   k.mul(inside, k.c64(input.lineBytes))));
              clear(out, before);
              Value to = k.at(out, before * 4);
              k.overLanes(numbers, [&](Value i, Value lanes) {
                storeLanes(k, loadLanes(k, x, i, lanes), to, i, lanes);
              });
              clear(k.at(to, numbers * 4), after);
            },
            [&] { clear(out, line); });
      });
}
