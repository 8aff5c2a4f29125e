//===- Pool.cpp - windows of images -----------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Pool.h"
#include "Common.h"
#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

std::string PoolShape::getName() const {
  return llvm::formatv(
      "k{0}x{1}s{2}x{3}d{4}x{5}p{6}x{7}x{8}x{9}.c{10}.{11}x{12}.{13}.to_{14}",
      kernel[0], kernel[1], strides[0], strides[1], dilations[0], dilations[1],
      pads[0], pads[1], pads[2], pads[3], channels, input.height, input.width,
      input.getName(), output.getName());
}

/// The taps of window `index` along `axis` that lie inside the image.
static std::pair<Value, Value> tapsInside(KernelBuilder &k,
                                          const PoolShape &shape, unsigned axis,
                                          Value index) {
  int64_t size = axis ? shape.input.width : shape.input.height;
  Value before =
      k.sub(k.c64(shape.pads[axis]), k.mul(index, k.c64(shape.strides[axis])));
  auto tapFrom = [&](Value position) {
    return k.minS(k.ceilDiv(k.maxS(position, k.c64(0)), shape.dilations[axis]),
                  k.c64(shape.kernel[axis]));
  };
  return {tapFrom(before), tapFrom(k.add(before, k.c64(size)))};
}

Kernel qnt::cpu::getWindowsKernel(
    KernelLibrary &lib, llvm::StringRef name, const PoolShape &shape,
    TypeRange args,
    std::function<void(KernelBuilder &, ValueRange, const Window &)> body) {
  Grid in = shape.input, out = shape.output;
  int64_t work = out.width * shape.channels * shape.kernel[0] *
                 shape.kernel[1] * in.columnBytes / 4;
  return getRowsKernel(
      lib, name, args, std::max<int64_t>(1, work),
      [=](KernelBuilder &k, ValueRange v) {
        return k.mul(v[1], k.c64(out.height));
      },
      [=](KernelBuilder &k, ValueRange v, Value row) {
        Window window;
        window.image = k.divS(row, k.c64(out.height));
        window.line = k.remS(row, k.c64(out.height));
        std::tie(window.firstRow, window.lastRow) =
            tapsInside(k, shape, 0, window.line);
        Value top = k.sub(k.mul(window.line, k.c64(shape.strides[0])),
                          k.c64(shape.pads[0]));
        Value base =
            k.add(k.mul(window.image, k.c64(in.imageBytes)),
                  k.add(k.mul(top, k.c64(in.lineBytes)), k.c64(in.origin)));
        k.loop(k.c64(0), k.c64(out.width), 1, [&](Value pixel) {
          window.pixel = pixel;
          std::tie(window.firstColumn, window.lastColumn) =
              tapsInside(k, shape, 1, pixel);
          Value left = k.sub(k.mul(pixel, k.c64(shape.strides[1])),
                             k.c64(shape.pads[1]));
          window.x = k.at(v[0], k.add(base, k.mul(left, k.c64(in.pixelBytes))));
          body(k, v, window);
        });
      });
}

Value qnt::cpu::foldWindow(
    KernelBuilder &k, const PoolShape &shape, const Window &window,
    Value offset, Value init,
    llvm::function_ref<Value(Value state, Value at)> step) {
  const Grid &in = shape.input;
  return k.loop(
      window.firstRow, window.lastRow, 1, init, [&](Value i, ValueRange outer) {
        Value line = k.at(
            window.x,
            k.add(offset, k.mul(i, k.c64(shape.dilations[0] * in.lineBytes))));
        return k.loop(window.firstColumn, window.lastColumn, 1, outer,
                      [&](Value j, ValueRange state) {
                        Value at =
                            k.at(line, k.mul(j, k.c64(shape.dilations[1] *
                                                      in.pixelBytes)));
                        return SmallVector<Value>{step(state[0], at)};
                      });
      })[0];
}

Kernel qnt::cpu::getMaxPoolKernel(KernelLibrary &lib, const PoolShape &shape) {
  bool isCodes = shape.input.columnBytes == 1;
  std::string name = "max_pool." + shape.getName();
  SmallVector<Type> args = argTypes(lib, 1, 1);
  args.push_back(args.front());
  return getWindowsKernel(
      lib, name, shape, args,
      [=](KernelBuilder &k, ValueRange v, const Window &window) {
        const Grid &out = shape.output;
        Value to =
            k.at(v[2], k.add(k.add(k.mul(window.image, k.c64(out.imageBytes)),
                                   k.mul(window.line, k.c64(out.lineBytes))),
                             k.add(k.mul(window.pixel, k.c64(out.pixelBytes)),
                                   k.c64(out.origin))));
        // `lanes` channels from `first` on, `count` of them where it is set.
        auto block = [&](Value first, int64_t lanes, Value count) {
          Type element = isCodes ? k.i8() : k.f32();
          VectorType type = k.vec(element, lanes);
          Value offset = k.mul(first, k.c64(shape.input.columnBytes));
          Value best = foldWindow(
              k, shape, window, offset,
              k.constant(
                  type, isCodes ? 0 : -std::numeric_limits<double>::infinity()),
              [&](Value state, Value at) -> Value {
                Value x = count ? k.loadPartial(element, at, count)
                                : k.load(type, at);
                if (isCodes)
                  return arith::MaxUIOp::create(k.b, k.loc, state, x);
                return arith::MaximumFOp::create(k.b, k.loc, state, x);
              });
          if (count)
            k.storePartial(best, k.at(to, offset), count);
          else
            k.store(best, k.at(to, offset));
        };
        int64_t channels = shape.channels, done = 0;
        if (isCodes) {
          constexpr int64_t bytes = 4 * kLanes;
          // Codes between the channels and the next pixel are nobody's.
          if (shape.input.pixelBytes % kLanes == 0)
            channels = shape.input.pixelBytes;
          done = channels / bytes * bytes;
          k.loop(k.c64(0), k.c64(done), bytes,
                 [&](Value first) { block(first, bytes, Value()); });
        }
        int64_t whole = channels / kLanes * kLanes;
        k.loop(k.c64(done), k.c64(whole), kLanes,
               [&](Value first) { block(first, kLanes, Value()); });
        if (whole < channels)
          block(k.c64(whole), kLanes, k.c64(channels - whole));
      });
}

Kernel qnt::cpu::getMeanPoolImagesKernel(KernelLibrary &lib,
                                         const PoolShape &shape,
                                         bool countPads) {
  std::string name = std::string("average_pool_f32.") +
                     (countPads ? "pads." : "") + shape.getName();
  SmallVector<Type> args = argTypes(lib, 1, 1);
  args.push_back(args.front());
  return getWindowsKernel(
      lib, name, shape, args,
      [=](KernelBuilder &k, ValueRange v, const Window &window) {
        const Grid &out = shape.output;
        Value to =
            k.at(v[2], k.add(k.add(k.mul(window.image, k.c64(out.imageBytes)),
                                   k.mul(window.line, k.c64(out.lineBytes))),
                             k.mul(window.pixel, k.c64(out.pixelBytes))));
        Value count = countPads
                          ? k.c64(shape.kernel[0] * shape.kernel[1])
                          : k.mul(k.sub(window.lastRow, window.firstRow),
                                  k.sub(window.lastColumn, window.firstColumn));
        Value divisor = k.splat(k.sitofp(count, k.f32()));
        k.overLanes(shape.channels, [&](Value first, Value lanes) {
          Value sum = foldWindow(
              k, shape, window, k.shl(first, 2), k.constant(k.vec(k.f32()), 0),
              [&](Value state, Value at) {
                return k.add(state, lanes ? k.loadPartial(k.f32(), at, lanes)
                                          : k.load(k.vec(k.f32()), at));
              });
          storeLanes(k, k.fdiv(sum, divisor), to, first, lanes);
        });
      });
}

Kernel qnt::cpu::getAveragePoolKernel(KernelLibrary &lib,
                                      const PoolShape &shape,
                                      const EpilogueSpec &spec) {
  std::string name = "average_pool." + shape.getName() + spec.getName();
  SmallVector<Type> args = argTypes(lib, 1, 1);
  args.append(2 + spec.getNumPointers(), args.front());
  Epilogue epilogue(spec, /*finite=*/true, /*apart=*/false,
                    shape.kernel[0] * shape.kernel[1]);
  return getWindowsKernel(
      lib, name, shape, args,
      [=](KernelBuilder &k, ValueRange v, const Window &window) {
        int64_t positions = shape.kernel[0] * shape.kernel[1];
        Value zero = k.c32(int32_t(shape.input.excess));
        if (shape.input.hasZero)
          zero = k.add(zero, k.roundToInt(k.load(k.f32(), v[3], 4)));
        Value zeros = k.splat(k.mul(zero, k.c32(int32_t(positions))));
        Value unit = k.load(k.f32(), v[2], 4);
        Value scale = k.splat(
            spec.isInteger() ? unit : k.fdiv(unit, k.cf32(float(positions))));
        k.overLanes(shape.channels, [&](Value first, Value lanes) {
          bool partial = lanes && shape.input.pixelBytes % kLanes;
          Value sum =
              foldWindow(k, shape, window, first, k.constant(k.vec(k.i32()), 0),
                         [&](Value state, Value at) {
                           Value codes = partial
                                             ? k.loadPartial(k.i8(), at, lanes)
                                             : k.load(k.vec(k.i8()), at);
                           return k.add(state, k.zext(codes, k.i32()));
                         });
          sum = k.sub(sum, zeros);
          if (!spec.isInteger())
            sum = k.mul(k.sitofp(sum, k.f32()), scale);
          Epilogue::Tile tile{1, 1, 1, {sum}};
          epilogue.emit(
              k, tile,
              epilogue.move(k, v.drop_front(4), window.image, window.line,
                            window.pixel, first),
              [&](int64_t) { return lanes; },
              [&](int64_t) { return spec.isInteger() ? scale : Value(); });
        });
      });
}
