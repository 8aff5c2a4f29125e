//===- Conv.cpp - convolutions without im2col -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A convolution is composed as a linear layer is: a decoder of the weight's
// format, dot products that accumulate a tile of pixels by panels in registers,
// rescaling, and the epilogue. All pixels of a tile lie at constant distances,
// so inputs are broadcast from where they are (implicit GEMM): nothing is
// gathered. The tile is in ConvTile.cpp; here the work is cut into tiles.
//
//===----------------------------------------------------------------------===//
#include "ConvTile.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

bool ConvShape::isDepthwise() const {
  return groups > 1 && weight.getShape().back() == 1 &&
         groups == weight.getShape()[0] &&
         cast<FiltersAttr>(weight.getLayout()).getFeatures() == 0;
}

bool ConvShape::sumsInputs() const {
  DecodeSpec spec = weight.getFormat().getDecodeSpec();
  return isInteger() && !isDepthwise() &&
         (weight.hasZeros() || (spec.bits == 8 && !spec.isSigned));
}

/// The key: everything that the code depends on, and no more.
std::string ConvEmitter::makeName() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto layout = cast<FiltersAttr>(shape.weight.getLayout());
  os << (shape.isDepthwise() ? "depthwise."
         : shape.rows        ? "rows."
                             : "conv.")
     << strategy.getKernel() << "." << shape.weight.getFormat().getName();
  if (Type scale = shape.weight.getScaleType())
    os << "." << scale;
  if (shape.weight.hasZeros())
    os << ".zero";
  os << llvm::formatv(
      ".n{0}k{1}x{2}c{3}.g{4}.p{5}t{6}f{7}", shape.weight.getShape().front(),
      filters.height, filters.width, filters.depth, shape.groups,
      layout.getChannels(), layout.getTaps(), layout.getFeatures());
  os << llvm::formatv(".s{0}x{1}d{2}x{3}.o{4}x{5}.x_{6}a{7}", shape.strides[0],
                      shape.strides[1], shape.dilations[0], shape.dilations[1],
                      shape.height, shape.width, shape.input.getName(),
                      shape.start);
  os << shape.epilogue.getName();
  os << llvm::formatv(".t{0}x{1}x{2}b{3}{4}", strategy.getLines(),
                      strategy.getPixels(), strategy.getPanels(),
                      strategy.getBlock(),
                      strategy.getPanelsFirst() ? "w" : "");
  return text;
}

/// The panels of one group from `first` on, which depend on each other's code:
/// all that `lines` and `pixels` loops need to call a tile.
void ConvEmitter::emitPixels(KernelBuilder &k, const Span &span, Value line,
                             int64_t tileLines) {
  auto call = [&](Value pixel, int64_t pixels) {
    Value offset =
        k.add(k.mul(line, k.c64(shape.strides[0] * shape.input.lineBytes)),
              k.mul(pixel, k.c64(pixelStep())));
    SmallVector<Value> args{k.at(span.x, offset), span.scale, span.zero,
                            span.weight};
    Value image = shape.rows ? k.c64(0) : span.image;
    llvm::append_range(
        args, epilogue.move(k, span.results, image, line, pixel, span.column));
    k.call(getTile({tileLines, pixels, span.panels, span.lanes}), args);
  };
  int64_t step = strategy.getPixels();
  if (!shape.rows) {
    int64_t whole = shape.width / step * step;
    k.loop(span.firstPixel, k.minS(span.lastPixel, k.c64(whole)), step,
           [&](Value pixel) { call(pixel, step); });
    if (whole == shape.width)
      return;
    // What no whole tile covers ends the last block.
    k.ifThen(k.eq(span.lastPixel, k.c64(shape.width)),
             [&] { call(k.c64(whole), shape.width - whole); });
    return;
  }
  // Rows, whose number is not known: tails are cut by smaller tiles.
  Value done = span.firstPixel;
  int64_t larger = step + 1;
  for (int64_t size : {step, int64_t(4), int64_t(1)}) {
    if (size >= larger)
      continue;
    larger = size;
    Value stop =
        k.add(done, k.mul(k.divS(k.sub(span.lastPixel, done), k.c64(size)),
                          k.c64(size)));
    k.loop(done, stop, size, [&](Value pixel) { call(pixel, size); });
    done = stop;
  }
}

void ConvEmitter::emitLines(KernelBuilder &k, const Span &span, Value first,
                            Value last) {
  int64_t step = strategy.getLines();
  Value whole =
      k.add(first, k.mul(k.divS(k.sub(last, first), k.c64(step)), k.c64(step)));
  k.loop(first, whole, step,
         [&](Value line) { emitPixels(k, span, line, step); });
  // The lines of the result that no whole tile covers end the last block.
  if (int64_t rest = shape.height % step)
    k.ifThen(k.ltS(whole, last), [&] { emitPixels(k, span, whole, rest); });
}

Kernel ConvEmitter::emit() {
  OpBuilder types(lib.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext());
  // x, scale, zero, weight, batch, result and operands.
  SmallVector<Type> argTypes(4, pointer);
  argTypes.push_back(types.getI64Type());
  argTypes.append(shape.epilogue.getNumPointers(), pointer);

  int64_t wide = std::min(strategy.getPanels(), filters.panelsPerGroup);
  int64_t perGroup = llvm::divideCeil(filters.panelsPerGroup, wide);
  int64_t columnUnits = filters.groups * perGroup;
  int64_t block = strategy.getBlock();
  bool isLine = shape.height == 1;
  int64_t perImage =
      llvm::divideCeil(isLine ? shape.width : shape.height, block);
  auto blocks = [&](KernelBuilder &k, Value batch) -> Value {
    return shape.rows ? k.ceilDiv(batch, block) : k.mul(batch, k.c64(perImage));
  };
  auto count = [&](KernelBuilder &k, ValueRange v) {
    return k.mul(blocks(k, v[4]), k.c64(columnUnits));
  };
  auto task = [&](KernelBuilder &k, ValueRange v, Value begin, Value end) {
    Value blockCount = blocks(k, v[4]);
    k.loop(begin, end, 1, [&](Value unit) {
      Value columnUnit, blockUnit;
      if (strategy.getPanelsFirst()) {
        columnUnit = k.divS(unit, blockCount);
        blockUnit = k.remS(unit, blockCount);
      } else {
        columnUnit = k.remS(unit, k.c64(columnUnits));
        blockUnit = k.divS(unit, k.c64(columnUnits));
      }
      Value group = k.divS(columnUnit, k.c64(perGroup));
      Value inGroup = k.remS(columnUnit, k.c64(perGroup));
      Span span;
      span.scale = v[1];
      span.zero = v[2];
      span.results = llvm::to_vector(v.drop_front(5));
      Value firstLine = k.c64(0), lastLine = k.c64(1);
      if (shape.rows) {
        span.image = k.c64(0);
        span.firstPixel = k.mul(blockUnit, k.c64(block));
        span.lastPixel = k.minS(k.add(span.firstPixel, k.c64(block)), v[4]);
      } else {
        span.image = k.divS(blockUnit, k.c64(perImage));
        Value first = k.mul(k.remS(blockUnit, k.c64(perImage)), k.c64(block));
        int64_t total = isLine ? shape.width : shape.height;
        Value last = k.minS(k.add(first, k.c64(block)), k.c64(total));
        span.firstPixel = isLine ? first : k.c64(0);
        span.lastPixel = isLine ? last : k.c64(shape.width);
        if (!isLine) {
          firstLine = first;
          lastLine = last;
        }
      }
      Value panel = k.add(k.mul(group, k.c64(filters.panelsPerGroup)),
                          k.mul(inGroup, k.c64(wide)));
      span.weight = k.at(v[3], k.mul(panel, k.c64(filters.panels.panelBytes)));
      span.column = k.add(k.mul(group, k.c64(filters.features)),
                          k.mul(inGroup, k.c64(wide * kLanes)));
      // Depthwise, every column reads its own channel.
      Value channel = shape.isDepthwise() ? span.column
                                          : k.mul(group, k.c64(filters.depth));
      Value start = k.add(k.mul(span.image, k.c64(shape.input.imageBytes)),
                          k.mul(channel, k.c64(shape.input.columnBytes)));
      span.x = k.at(v[0], k.add(start, k.c64(shape.start)));
      auto run = [&](int64_t panels, int64_t lanes) {
        span.panels = panels;
        span.lanes = lanes;
        emitLines(k, span, firstLine, lastLine);
      };
      int64_t lastPanels = filters.panelsPerGroup - (perGroup - 1) * wide;
      int64_t lanes = filters.features % kLanes;
      if (perGroup == 1)
        run(lastPanels, lanes);
      else if (lastPanels == wide && !lanes)
        run(wide, 0);
      else
        k.ifElse(
            k.eq(inGroup, k.c64(perGroup - 1)), [&] { run(lastPanels, lanes); },
            [&] { run(wide, 0); });
    });
  };
  return lib.getParallel(name, argTypes, count, task);
}

Kernel qnt::cpu::getConvKernel(KernelLibrary &lib, const ConvShape &shape) {
  return ConvEmitter(lib, shape).emit();
}
