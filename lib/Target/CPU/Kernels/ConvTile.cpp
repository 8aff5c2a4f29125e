//===- ConvTile.cpp - a tile of a convolution -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ConvTile.h"
#include "Common.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// Products that a loop's body holds at most: enough to hide its overhead, few
/// enough that no weights are loaded ahead into registers that sums need.
constexpr int64_t kUnrolledProducts = 32;

/// `steps` steps of 4 bytes of every input pixel: 4 codes, or a float.
void ConvEmitter::emitSteps(KernelBuilder &k, Value x, Value weight,
                            int64_t steps, const TileSize &size, Values &sums,
                            ArrayRef<Value> zeros) {
  const PanelGeometry &panels = filters.panels;
  bool isInteger = shape.isInteger();
  int64_t perChunk = isInteger ? panels.chunk / 4 : panels.chunk;
  int64_t spots = size.lines * size.pixels;
  Value ones;
  if (shape.sumsInputs())
    ones = k.constant(k.vec(k.i32()), 0x01010101);
  for (int64_t first = 0; first < steps; first += perChunk) {
    Value chunk = k.at(weight, first / perChunk * panels.chunkBytes);
    SmallVector<Values> words(size.panels);
    if (panels.chunk > 1)
      for (int64_t p = 0; p < size.panels; ++p)
        words[p] =
            decoder.loadWords(k, panels, k.at(chunk, p * panels.panelBytes));
    for (int64_t step = 0; step < std::min(perChunk, steps - first); ++step) {
      Values weights;
      for (int64_t p = 0; p < size.panels; ++p) {
        Value zero = zeros.empty() ? Value() : zeros[p];
        if (isInteger)
          weights.push_back(decoder.decodeSigned(k, panels, words[p], step));
        else if (panels.chunk == 1)
          weights.push_back(
              decoder.decodeWord(k, k.at(chunk, p * panels.panelBytes), zero));
        else
          weights.push_back(
              decoder.decodeLane(k, panels, words[p], step, Value(), zero));
      }
      Type element = isInteger ? k.i32() : k.f32();
      for (int64_t spot = 0; spot < spots; ++spot) {
        Value a = k.splat(k.load(
            element, k.at(x, spotOffset(size, spot) + 4 * (first + step)), 1));
        if (shape.sumsInputs()) {
          Value &sum = sums[spots * size.panels + spot];
          sum = k.dot4(sum, a, ones, /*narrow=*/true);
        }
        for (int64_t p = 0; p < size.panels; ++p) {
          Value &sum = sums[spot * size.panels + p];
          sum = isInteger
                    ? k.dot4(sum, a, weights[p], decoder.hasNarrowNumbers())
                    : k.fma(a, weights[p], sum);
        }
      }
    }
  }
}

/// One run of taps, whose inputs are neighbours.
ConvEmitter::Values ConvEmitter::emitRun(KernelBuilder &k, Value x,
                                         Value weight, const TileSize &size,
                                         Values sums, ArrayRef<Value> zeros) {
  const PanelGeometry &panels = filters.panels;
  int64_t perChunk = shape.isInteger() ? panels.chunk / 4 : panels.chunk;
  // Of floats, padding is not read: it may be what the next pixel holds.
  int64_t steps = shape.isInteger()   ? llvm::divideCeil(filters.runInputs, 4)
                  : filters.taps == 1 ? filters.depth
                                      : filters.runInputs;
  int64_t products = size.lines * size.pixels * size.panels;
  int64_t unroll =
      std::max<int64_t>(1, kUnrolledProducts / (products * perChunk));
  int64_t whole = steps / perChunk;
  if (whole <= unroll) {
    emitSteps(k, x, weight, steps, size, sums, zeros);
    return sums;
  }
  // Rather a divisor than a rest.
  for (int64_t divisor = unroll; 2 * divisor > unroll; --divisor)
    if (whole % divisor == 0) {
      unroll = divisor;
      break;
    }
  int64_t looped = whole / unroll * unroll;
  sums =
      k.loop(k.c64(0), k.c64(looped), unroll, sums,
             [&](Value chunk, ValueRange state) {
               Values next(state);
               emitSteps(k, k.at(x, k.mul(chunk, k.c64(4 * perChunk))),
                         k.at(weight, k.mul(chunk, k.c64(panels.chunkBytes))),
                         unroll * perChunk, size, next, zeros);
               return next;
             });
  if (int64_t rest = steps - looped * perChunk)
    emitSteps(k, k.at(x, looped * perChunk * 4),
              k.at(weight, looped * panels.chunkBytes), rest, size, sums,
              zeros);
  return sums;
}

ConvEmitter::Values ConvEmitter::emitDot(KernelBuilder &k, const TileArgs &args,
                                         const TileSize &size, Values sums,
                                         ArrayRef<Value> zeros) {
  int64_t rows = filters.height, perRow = filters.runs / rows;
  int64_t runBytes =
      filters.runStored / filters.panels.chunk * filters.panels.chunkBytes;
  Value codes =
      k.at(args.weight, filters.panels.scaleBytes + filters.panels.zeroBytes);
  auto row = [&](Value x, Value weight, Values state) {
    return k.loop(k.c64(0), k.c64(perRow), 1, state,
                  [&](Value column, ValueRange inner) {
                    Value at = k.at(x, k.mul(column, k.c64(tapOffset(0, 1))));
                    Value w = k.at(weight, k.mul(column, k.c64(runBytes)));
                    return emitRun(k, at, w, size, Values(inner), zeros);
                  });
  };
  return k.loop(k.c64(0), k.c64(rows), 1, sums, [&](Value i, ValueRange state) {
    return row(k.at(args.x, k.mul(i, k.c64(tapOffset(1, 0)))),
               k.at(codes, k.mul(i, k.c64(perRow * runBytes))), Values(state));
  });
}

/// 16 neighbouring channels of a pixel, as i32 or f32.
Value ConvEmitter::loadChannels(KernelBuilder &k, Value x, int64_t lanes) {
  if (!shape.isInteger())
    return lanes ? k.loadPartial(k.f32(), x, k.c64(lanes))
                 : k.load(k.vec(k.f32()), x);
  bool partial = lanes && shape.input.pixelBytes % kLanes;
  return k.zext(partial ? k.loadPartial(k.i8(), x, k.c64(lanes))
                        : k.load(k.vec(k.i8()), x),
                k.i32());
}

/// Every column has its own channel: lanes are multiplied by lanes.
ConvEmitter::Values ConvEmitter::emitDepthwise(KernelBuilder &k,
                                               const TileArgs &args,
                                               const TileSize &size,
                                               Values sums,
                                               ArrayRef<Value> zeros) {
  const PanelGeometry &panels = filters.panels;
  int64_t rows = filters.height, columns = filters.width;
  Value codes = k.at(args.weight, panels.scaleBytes + panels.zeroBytes);
  auto row = [&](Value x, Value weight, Values state) {
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t p = 0; p < size.panels; ++p) {
        Value at = k.at(weight, j * panels.chunkBytes + p * panels.panelBytes);
        Value zero = zeros.empty() ? Value() : zeros[p];
        Value w = shape.isInteger() ? decoder.loadByteWord(k, at)
                                    : decoder.decodeWord(k, at, zero);
        if (shape.isInteger() && zero)
          w = k.sub(w, zero);
        int64_t lanes = p + 1 == size.panels ? size.lanes : 0;
        for (int64_t spot = 0; spot < size.lines * size.pixels; ++spot) {
          Value a =
              loadChannels(k,
                           k.at(x, spotOffset(size, spot) + tapOffset(0, j) +
                                       p * kLanes * shape.input.columnBytes),
                           lanes);
          Value &sum = state[spot * size.panels + p];
          sum = shape.isInteger() ? k.add(sum, k.mul(a, w)) : k.fma(a, w, sum);
        }
      }
    return state;
  };
  return k.loop(k.c64(0), k.c64(rows), 1, sums, [&](Value i, ValueRange state) {
    return row(k.at(args.x, k.mul(i, k.c64(tapOffset(1, 0)))),
               k.at(codes, k.mul(i, k.c64(columns * panels.chunkBytes))),
               Values(state));
  });
}

/// Takes the weights' zero points times the sums of inputs, which are the last
/// of `values`, off the sums of products.
void ConvEmitter::applyZeros(KernelBuilder &k, const TileSize &size,
                             Values &values, ArrayRef<Value> zeros) {
  if (!shape.sumsInputs())
    return;
  int64_t spots = size.lines * size.pixels;
  Values inputs(llvm::drop_begin(values, spots * size.panels));
  values.truncate(spots * size.panels);
  for (int64_t spot = 0; spot < spots; ++spot)
    for (int64_t p = 0; p < size.panels; ++p) {
      Value &value = values[spot * size.panels + p];
      value = k.sub(value, k.mul(zeros[p], inputs[spot]));
    }
}

Kernel ConvEmitter::getTile(TileSize size) {
  const PanelGeometry &panels = filters.panels;
  OpBuilder types(lib.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext());
  SmallVector<Type> argTypes(4 + shape.epilogue.getNumPointers(), pointer);
  std::string tileName = name + ".tile" + std::to_string(size.lines) + "x" +
                         std::to_string(size.pixels) + "x" +
                         std::to_string(size.panels);
  if (size.lanes)
    tileName += "_" + std::to_string(size.lanes);
  Kernel tile =
      lib.get(tileName, argTypes, [&](KernelBuilder &k, ValueRange v) {
        TileArgs args{v[0], v[1], v[2], v[3], llvm::to_vector(v.drop_front(4))};
        bool isInteger = shape.isInteger();
        int64_t spots = size.lines * size.pixels;
        unsigned shift = isInteger && !shape.isDepthwise()
                             ? decoder.getSignedShift(k.isa)
                             : 0;
        VectorType lanes = k.vec(isInteger ? k.i32() : k.f32());
        Values starts, zeros;
        for (int64_t p = 0; p < size.panels; ++p) {
          Value panel = k.at(args.weight, p * panels.panelBytes);
          Value start = k.constant(lanes, 0);
          if (isInteger && (shape.input.hasZero || shape.input.excess)) {
            // The zero point of the input times the sums of the weights.
            Value zero = k.c32(int32_t(shape.input.excess));
            if (shape.input.hasZero)
              zero = k.add(zero, k.roundToInt(k.load(k.f32(), args.zero, 4)));
            Value columns =
                k.load(lanes, k.at(panel, panels.groups * panels.groupBytes));
            start = k.sub(start, k.mul(columns, k.splat(zero)));
            start = k.shl(start, shift);
          }
          starts.push_back(start);
          Value zero =
              panels.zeroBytes ? k.at(panel, panels.scaleBytes) : Value();
          if (shape.sumsInputs())
            zeros.push_back(decoder.loadSignedZero(k, zero));
          else if (zero)
            zeros.push_back(
                isInteger ? decoder.loadWordZero(k, zero)
                          : decoder.loadZero(k, zero,
                                             /*words=*/panels.chunk == 1));
        }
        Epilogue::Tile result{size.lines, size.pixels, size.panels, {}};
        for (int64_t spot = 0; spot < spots; ++spot)
          llvm::append_range(result.values, starts);
        if (shape.sumsInputs())
          result.values.append(spots, k.constant(lanes, 0));
        result.values = shape.isDepthwise()
                            ? emitDepthwise(k, args, size, result.values, zeros)
                            : emitDot(k, args, size, result.values, zeros);
        if (shift)
          for (Value &value :
               MutableArrayRef(result.values).take_front(spots * size.panels))
            value = k.shrS(value, shift);
        applyZeros(k, size, result.values, zeros);
        auto lanesOf = [&](int64_t p) {
          return size.lanes && p + 1 == size.panels ? k.c64(size.lanes)
                                                    : Value();
        };
        Type scaleType = shape.weight.getScaleType();
        if (!shape.epilogue.takesScales() || !scaleType) {
          epilogue.emit(k, result, args.results, lanesOf);
          return;
        }
        epilogue.emit(k, result, args.results, lanesOf, [&](int64_t p) {
          Value scale =
              k.loadAsF32(scaleType, k.at(args.weight, p * panels.panelBytes));
          if (!isInteger)
            return scale;
          return k.mul(scale, k.splat(k.load(k.f32(), args.scale, 4)));
        });
      });
  tile.setNoInline(true);
  return tile;
}
