//===- TileProducts.h - products of bytes in AMX's tiles --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_TILEPRODUCTS_H
#define QNT_LIB_TARGET_CPU_KERNELS_TILEPRODUCTS_H

#include "../Kernels.h"
#include "Decode.h"

namespace qnt::cpu {

/// The dot products of up to kTileRows rows of byte codes (#qnt.rows) by one or
/// two panels, by AMX-INT8 (Intel SDM volume 1, chapter 18; volume 2, TDPBUSD).
/// A tile is 16 rows of 64 bytes: 64 inputs of 16 rows, or 16 vectors of a
/// panel of bytes as they lie. Narrower codes are decoded into such vectors on
/// the stack.
class TileProducts {
public:
  using Value = mlir::Value;
  /// `rowBytes` is the distance of rows, of which those of weights without
  /// groups are multiples of 64 and end with zeros.
  TileProducts(const PanelGeometry &panels, const Decoder &decoder,
               int64_t rowBytes);

  /// Adds one scale block's sums of a row, an i32 vector a panel, to `state`.
  using Rescale = llvm::function_ref<llvm::SmallVector<Value>(
      Value group, Value row, mlir::ValueRange sums, mlir::ValueRange state)>;
  /// Takes the f32 accumulators of a row.
  using Finish = llvm::function_ref<void(Value row, mlir::ValueRange state)>;
  /// All products of `rows` rows (1 to kTileRows) from `x` on by `panels` (1 or
  /// 2) panels from `weight` on. Configures the tiles; they stay so.
  void emit(KernelBuilder &k, Value x, Value weight, Value rows, int64_t count,
            Rescale rescale, Finish finish) const;

private:
  void configure(KernelBuilder &k, Value rows) const;
  void multiply(KernelBuilder &k, Value x, Value codes, int64_t tileRows,
                int64_t count, Value bytes, Value sums) const;
  void multiplyStep(KernelBuilder &k, Value x, mlir::ArrayRef<Value> weights,
                    int64_t tileRows) const;
  void decode(KernelBuilder &k, Value codes, Value bytes, int64_t inputs) const;
  /// Whether panels hold the bytes of tiles.
  bool isStoredAsBytes() const;

  const PanelGeometry &panels;
  const Decoder &decoder;
  int64_t rowBytes, step;
};

/// At the end of what used tiles on a thread.
void releaseTiles(KernelBuilder &k);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_TILEPRODUCTS_H
