//===- QuantizeImages.cpp - images of codes to and from tensors -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Quantising is BlockQuantizer's, to the bit: true divisions, codes clamped
// before they are rounded.
//
//===----------------------------------------------------------------------===//
#include "Common.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

namespace {
using Values = SmallVector<Value>;

/// A kernel (ctx, plain [.., C], codes, batch, args...) that visits all
/// numbers: once a line `prepare` gives what `body` gets with the line's first
/// plain number and code, an index from both, and a count of lanes or null.
Kernel
getLinesKernel(KernelLibrary &lib, StringRef name, const ImageShape &image,
               int64_t plainBytes, unsigned pointers,
               std::function<Values(KernelBuilder &, ValueRange)> prepare,
               std::function<void(KernelBuilder &, ArrayRef<Value>, Value plain,
                                  Value codes, Value plainIndex,
                                  Value codeIndex, Value count)>
                   body) {
  Grid grid = image.grid;
  int64_t channels = image.channels;
  SmallVector<Type> args = argTypes(lib, 2, 1);
  args.append(pointers, args.front());
  return getRowsKernel(
      lib, name, args, grid.width * channels,
      [=](KernelBuilder &k, ValueRange v) {
        return k.mul(v[2], k.c64(grid.height));
      },
      [=](KernelBuilder &k, ValueRange v, Value row) {
        Value number = k.divS(row, k.c64(grid.height));
        Value line = k.remS(row, k.c64(grid.height));
        Value plain =
            k.at(v[0], k.mul(row, k.c64(grid.width * channels * plainBytes)));
        Value codes = k.at(v[1], k.add(k.mul(number, k.c64(grid.imageBytes)),
                                       k.add(k.mul(line, k.c64(grid.lineBytes)),
                                             k.c64(grid.origin))));
        Values prepared = prepare(k, v);
        if (grid.pixelBytes == channels) {
          k.overLanes(grid.width * channels, [&](Value i, Value count) {
            body(k, prepared, plain, codes, i, i, count);
          });
          return;
        }
        k.loop(k.c64(0), k.c64(grid.width), 1, [&](Value pixel) {
          Value first = k.mul(pixel, k.c64(channels));
          Value code = k.mul(pixel, k.c64(grid.pixelBytes));
          k.overLanes(channels, [&](Value i, Value count) {
            body(k, prepared, plain, codes, k.add(first, i), k.add(code, i),
                 count);
          });
        });
      });
}

Value loadBytes(KernelBuilder &k, Value pointer, Value count) {
  return count ? k.loadPartial(k.i8(), pointer, count)
               : k.load(k.vec(k.i8()), pointer);
}

void storeLanesAs(KernelBuilder &k, Value value, Value pointer, Value count) {
  if (count)
    k.storePartial(value, pointer, count);
  else
    k.store(value, pointer);
}

/// The zero point of stored codes as f32, with what is added to them.
Value loadZero(KernelBuilder &k, const Grid &grid, Value zero) {
  return grid.hasZero ? k.load(k.f32(), zero, 4) : k.cf32(0);
}

std::string nameOf(const ImageShape &image) {
  return llvm::formatv("{0}.{1}x{2}x{3}.{4}", image.type.getFormat().getName(),
                       image.grid.height, image.grid.width, image.channels,
                       image.grid.getName());
}
} // namespace

ImageShape ImageShape::of(QTensorType type) {
  return {type, Grid::of(type), type.getShape().back()};
}

/// What encodes numbers to stored codes.
static Values prepareEncoding(KernelBuilder &k, const ImageShape &image,
                              Value scale, Value zeroPointer) {
  NumberFormat format = image.type.getFormat();
  Value zero = loadZero(k, image.grid, zeroPointer);
  Value offset = k.add(k.roundToInt(zero), k.c32(int32_t(image.grid.excess)));
  return {k.splat(k.load(k.f32(), scale, 4)),
          k.splat(k.sub(k.cf32(format.getMin()), zero)),
          k.splat(k.sub(k.cf32(format.getMax()), zero)), k.splat(offset)};
}

static Value encode(KernelBuilder &k, ArrayRef<Value> prepared, Value x) {
  Value code = k.fdiv(zeroIfNaN(k, x), prepared[0]);
  code = k.minF(k.maxF(code, prepared[1]), prepared[2]);
  return k.trunc(k.add(k.roundToInt(code), prepared[3]), k.i8());
}

/// Pixels of fewer than 4 channels, several to a vector.
static Kernel getQuantizePixelsKernel(KernelLibrary &lib, StringRef name,
                                      const ImageShape &image) {
  Grid grid = image.grid;
  int64_t channels = image.channels, pixels = kLanes / grid.pixelBytes;
  SmallVector<int64_t> spread;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    spread.push_back(lane % grid.pixelBytes < channels
                         ? lane / grid.pixelBytes * channels +
                               lane % grid.pixelBytes
                         : kLanes);
  SmallVector<Type> args = argTypes(lib, 2, 1);
  args.append(2, args.front());
  return getRowsKernel(
      lib, name, args, grid.width * channels,
      [=](KernelBuilder &k, ValueRange v) {
        return k.mul(v[2], k.c64(grid.height));
      },
      [=](KernelBuilder &k, ValueRange v, Value row) {
        Value number = k.divS(row, k.c64(grid.height));
        Value line = k.remS(row, k.c64(grid.height));
        Value plain = k.at(v[0], k.mul(row, k.c64(grid.width * channels * 4)));
        Value codes = k.at(v[1], k.add(k.mul(number, k.c64(grid.imageBytes)),
                                       k.add(k.mul(line, k.c64(grid.lineBytes)),
                                             k.c64(grid.origin))));
        Values prepared = prepareEncoding(k, image, v[3], v[4]);
        Value none = k.constant(k.vec(k.f32()), 0);
        auto some = [&](Value pixel, int64_t count) {
          Value x = loadLanes(k, plain, k.mul(pixel, k.c64(channels)),
                              k.c64(count * channels));
          x = vector::ShuffleOp::create(k.b, k.loc, x, none, spread);
          storeLanesAs(k, encode(k, prepared, x),
                       k.at(codes, k.mul(pixel, k.c64(grid.pixelBytes))),
                       count == pixels ? Value()
                                       : k.c64(count * grid.pixelBytes));
        };
        int64_t whole = grid.width / pixels * pixels;
        k.loop(k.c64(0), k.c64(whole), pixels,
               [&](Value pixel) { some(pixel, pixels); });
        if (whole < grid.width)
          some(k.c64(whole), grid.width - whole);
      });
}

Kernel qnt::cpu::getQuantizeImagesKernel(KernelLibrary &lib,
                                         const ImageShape &image) {
  std::string name = "quantize_images." + nameOf(image);
  if (image.grid.pixelBytes == 4)
    return getQuantizePixelsKernel(lib, name, image);
  return getLinesKernel(
      lib, name, image, 4, 2,
      [=](KernelBuilder &k, ValueRange v) {
        return prepareEncoding(k, image, v[3], v[4]);
      },
      [](KernelBuilder &k, ArrayRef<Value> prepared, Value plain, Value codes,
         Value plainIndex, Value codeIndex, Value count) {
        Value x = loadLanes(k, plain, plainIndex, count);
        storeLanesAs(k, encode(k, prepared, x), k.at(codes, codeIndex), count);
      });
}

Kernel qnt::cpu::getDequantizeImagesKernel(KernelLibrary &lib,
                                           const ImageShape &image) {
  return getLinesKernel(
      lib, "dequantize_images." + nameOf(image), image, 4, 2,
      [=](KernelBuilder &k, ValueRange v) {
        Value zero = k.add(k.roundToInt(loadZero(k, image.grid, v[4])),
                           k.c32(int32_t(image.grid.excess)));
        return Values{k.splat(k.load(k.f32(), v[3], 4)), k.splat(zero)};
      },
      [](KernelBuilder &k, ArrayRef<Value> prepared, Value plain, Value codes,
         Value plainIndex, Value codeIndex, Value count) {
        Value code =
            k.zext(loadBytes(k, k.at(codes, codeIndex), count), k.i32());
        Value number = k.sitofp(k.sub(code, prepared[1]), k.f32());
        storeLanes(k, k.mul(number, prepared[0]), plain, plainIndex, count);
      });
}

Kernel qnt::cpu::getCodesKernel(KernelLibrary &lib, const ImageShape &image,
                                unsigned bits, bool wrap) {
  std::string name =
      (wrap ? "wrap." : "codes.") + std::to_string(bits) + "." + nameOf(image);
  auto excess = double(image.grid.excess);
  return getLinesKernel(
      lib, name, image, bits / 8, 0,
      [](KernelBuilder &, ValueRange) { return Values(); },
      [=](KernelBuilder &k, ArrayRef<Value>, Value plain, Value codes,
          Value plainIndex, Value codeIndex, Value count) {
        Type element = k.b.getIntegerType(bits);
        Value from = k.at(plain, k.mul(plainIndex, k.c64(bits / 8)));
        Value to = k.at(codes, codeIndex);
        if (wrap) {
          Value x = count ? k.loadPartial(element, from, count)
                          : k.load(k.vec(element), from);
          Value bytes = bits == 8 ? x : k.trunc(x, k.i8());
          bytes = k.add(bytes, k.constant(bytes.getType(), excess));
          storeLanesAs(k, bytes, to, count);
          return;
        }
        Value x = loadBytes(k, to, count);
        if (bits > 8)
          x = k.zext(x, element);
        x = k.sub(x, k.constant(x.getType(), excess));
        storeLanesAs(k, x, from, count);
      });
}

Kernel qnt::cpu::getFillHaloKernel(KernelLibrary &lib, const Grid &grid) {
  int64_t lines = grid.imageBytes / grid.lineBytes;
  int64_t above = grid.origin / grid.lineBytes;
  int64_t left = grid.origin % grid.lineBytes;
  int64_t inside = left + grid.width * grid.pixelBytes;
  int64_t right = grid.lineBytes - inside;
  SmallVector<Type> args = argTypes(lib, 2, 1);
  return getRowsKernel(
      lib,
      llvm::formatv("fill_halo.{0}x{1}.{2}", grid.height, grid.width,
                    grid.getName())
          .str(),
      args, grid.lineBytes / 4,
      [=](KernelBuilder &k, ValueRange v) { return k.mul(v[2], k.c64(lines)); },
      [=](KernelBuilder &k, ValueRange v, Value row) {
        Value zero = k.add(k.roundToInt(loadZero(k, grid, v[1])),
                           k.c32(int32_t(grid.excess)));
        Value byte = k.splat(k.trunc(zero, k.i8()));
        Value line = k.sub(k.remS(row, k.c64(lines)), k.c64(above));
        Value base = k.at(v[0], k.mul(row, k.c64(grid.lineBytes)));
        auto fill = [&](Value to, int64_t bytes) {
          k.overLanes(bytes, [&](Value i, Value count) {
            storeLanesAs(k, byte, k.at(to, i), count);
          });
        };
        Value isInside =
            k.band(k.geS(line, k.c64(0)), k.ltS(line, k.c64(grid.height)));
        k.ifElse(
            isInside,
            [&] {
              fill(base, left);
              fill(k.at(base, inside), right);
            },
            [&] { fill(base, grid.lineBytes); });
      });
}
