//===- LinearEmitter.h - a linear layer's kernel ----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_LINEAREMITTER_H
#define QNT_LIB_TARGET_CPU_KERNELS_LINEAREMITTER_H

#include "../Kernels.h"
#include "Decode.h"
#include "Epilogue.h"

#include "qnt/Dialect/QNT/PanelGeometry.h"

namespace qnt::cpu {

/// Generates the code of one linear layer. Sums of a tile are in
/// LinearDots.cpp, the rest in Linear.cpp.
class LinearEmitter {
public:
  LinearEmitter(KernelLibrary &lib, const LinearShape &shape)
      : lib(lib), shape(shape),
        panels(PanelGeometry::of(
            shape.weight, llvm::cast<PanelsAttr>(shape.weight.getLayout()))),
        decoder(shape.weight),
        epilogue(shape.epilogue, /*finite=*/shape.input != nullptr,
                 /*apart=*/false) {
    if (shape.input)
      rows = RowsGeometry::of(shape.input);
    features = shape.weight.getShape()[0];
    name = makeName();
  }

  Kernel emit();

private:
  using Value = mlir::Value;
  using ValueRange = mlir::ValueRange;

  /// Arguments of a tile function, all pointing at the tile's first row and
  /// column. `columns` is the number of output features that are left,
  /// `distance` the panels from one of the tile to its next; null where they
  /// are neighbours.
  struct TileArgs {
    Value x, scales, zeros, sums, weight, columns, distance;
    llvm::SmallVector<Value> results;
  };
  using Tile = llvm::SmallVector<llvm::SmallVector<Value>>; // [row][panel]

  std::string makeName() const;
  Kernel getTile(int64_t tileRows, int64_t tilePanels, bool apart);
  Tile emitFloatDot(KernelBuilder &k, const TileArgs &args, int64_t tileRows,
                    int64_t tilePanels);
  Tile emitIntegerDot(KernelBuilder &k, const TileArgs &args, int64_t tileRows,
                      int64_t tilePanels);
  void emitIntegerChunks(KernelBuilder &k, const TileArgs &args, Value codes,
                         Value input, Tile &acc);
  /// Adds to the i32 sums `dots` the products of a scale block, whose first
  /// codes are those of `codes`.
  using Products = llvm::function_ref<void(Value codes, Tile &dots)>;
  llvm::SmallVector<Value> emitGroup(KernelBuilder &k, const TileArgs &args,
                                     Value g, ValueRange state,
                                     int64_t tileRows, int64_t tilePanels,
                                     Products products);
  Tile scaleRows(KernelBuilder &k, const TileArgs &args, ValueRange acc,
                 int64_t tileRows, int64_t tilePanels);
  void emitTileProducts(KernelBuilder &k, const TileArgs &args, Value rowCount,
                        int64_t tilePanels);
  TileArgs moveRows(KernelBuilder &k, const TileArgs &args, Value row);
  void emitEpilogue(KernelBuilder &k, const TileArgs &args, const Tile &tile);
  bool usesTiles() const { return shape.strategy.getKernel() == kTileDot; }
  bool isPartial() const { return features % kLanes != 0; }
  unsigned inputBits() const { return shape.input.getFormat().getBits(); }
  /// Whether sums of two products of bytes fit 16 bits: those of unsigned codes
  /// of a bits and signed ones of b are below 2^(a + b).
  bool isNarrow() const {
    return shape.weight.getFormat().getBits() + inputBits() < 16;
  }
  int64_t inRowBytes() const {
    return shape.input ? rows.rowBytes : shape.weight.getShape()[1] * 4;
  }
  /// `scale` times the distance from a tile's first panel to panel `p`.
  Value distanceTo(KernelBuilder &k, const TileArgs &args, int64_t p,
                   int64_t scale) {
    return args.distance ? k.mul(args.distance, k.c64(p * scale))
                         : k.c64(p * scale);
  }
  /// Where in panel `p` lies what is at `place` in the tile's first.
  Value inPanel(KernelBuilder &k, const TileArgs &args, Value place,
                int64_t p) {
    return k.at(place, distanceTo(k, args, p, panels.panelBytes));
  }
  /// Lanes of panel `p` of a tile that exist; null when all do.
  Value lanesLeft(KernelBuilder &k, const TileArgs &args, int64_t p) {
    return isPartial() ? k.sub(args.columns, distanceTo(k, args, p, kLanes))
                       : Value();
  }
  Value scaleOf(KernelBuilder &k, Value group) {
    return k.loadAsF32(shape.weight.getScaleType(), group);
  }

  KernelLibrary &lib;
  const LinearShape &shape;
  PanelGeometry panels;
  Decoder decoder;
  Epilogue epilogue;
  RowsGeometry rows;
  int64_t features = 0;
  std::string name;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_LINEAREMITTER_H
