//===- ConvTile.h - the parts of a convolution ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_CONVTILE_H
#define QNT_LIB_TARGET_CPU_KERNELS_CONVTILE_H

#include "Decode.h"
#include "Epilogue.h"

#include "qnt/Dialect/QNT/PanelGeometry.h"

namespace qnt::cpu {

/// Generates the code of one convolution.
class ConvEmitter {
public:
  ConvEmitter(KernelLibrary &lib, const ConvShape &shape)
      : lib(lib), shape(shape), strategy(shape.strategy),
        filters(FilterGeometry::of(
            shape.weight, mlir::cast<FiltersAttr>(shape.weight.getLayout()))),
        decoder(shape.weight),
        epilogue(shape.epilogue, /*finite=*/shape.isInteger(),
                 /*apart=*/filters.groups > 1),
        name(makeName()) {}

  Kernel emit();

private:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  /// A tile of the result: `lanes` columns in its last panel, 0 for all.
  struct TileSize {
    int64_t lines, pixels, panels, lanes;
  };
  /// Arguments of a tile function, at the tile's first pixel and column.
  struct TileArgs {
    Value x, scale, zero, weight;
    Values results;
  };
  /// Some panels of some lines of an image: x at the image's first window.
  struct Span {
    Value x, scale, zero, weight, image, column, firstPixel, lastPixel;
    Values results;
    int64_t panels = 0, lanes = 0;
  };

  std::string makeName() const;
  void emitLines(KernelBuilder &k, const Span &span, Value first, Value last);
  void emitPixels(KernelBuilder &k, const Span &span, Value line,
                  int64_t tileLines);
  /// Bytes of the input from one pixel of the result to the next.
  int64_t pixelStep() const {
    return shape.rows ? shape.input.pixelBytes
                      : shape.strides[1] * shape.input.pixelBytes;
  }

  // Tiles (ConvTile.cpp).
  Kernel getTile(TileSize size);
  /// Bytes of the input from the tile's first pixel to that of `spot`.
  int64_t spotOffset(const TileSize &size, int64_t spot) const {
    return spot / size.pixels * shape.strides[0] * shape.input.lineBytes +
           spot % size.pixels * pixelStep();
  }
  int64_t tapOffset(int64_t row, int64_t column) const {
    return row * shape.dilations[0] * shape.input.lineBytes +
           column * shape.dilations[1] * shape.input.pixelBytes;
  }
  /// The sums of products over all taps, added to `sums`. Where the shape
  /// sums inputs, those of each spot follow.
  Values emitDot(KernelBuilder &k, const TileArgs &args, const TileSize &size,
                 Values sums, llvm::ArrayRef<Value> zeros);
  Values emitRun(KernelBuilder &k, Value x, Value weight, const TileSize &size,
                 Values sums, llvm::ArrayRef<Value> zeros);
  void emitSteps(KernelBuilder &k, Value x, Value weight, int64_t steps,
                 const TileSize &size, Values &sums,
                 llvm::ArrayRef<Value> zeros);
  Values emitDepthwise(KernelBuilder &k, const TileArgs &args,
                       const TileSize &size, Values sums,
                       llvm::ArrayRef<Value> zeros);
  void applyZeros(KernelBuilder &k, const TileSize &size, Values &values,
                  llvm::ArrayRef<Value> zeros);
  Value loadChannels(KernelBuilder &k, Value x, int64_t lanes);

  KernelLibrary &lib;
  const ConvShape &shape;
  ConvStrategyAttr strategy;
  FilterGeometry filters;
  Decoder decoder;
  Epilogue epilogue;
  std::string name;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_CONVTILE_H
