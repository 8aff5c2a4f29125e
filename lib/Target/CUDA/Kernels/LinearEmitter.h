//===- LinearEmitter.h - generates linear layers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_LINEAREMITTER_H
#define QNT_LIB_TARGET_CUDA_KERNELS_LINEAREMITTER_H

#include "../Decode.h"
#include "Epilogue.h"
#include "LinearStage.h"

namespace qnt::cuda {

/// Generates the code of one linear layer. A lane carries four 32-bit words for
/// each tile of the instruction: i32 sums of the weight's numbers, where one
/// scale covers a row, otherwise scaled f32 numbers.
class LinearEmitter {
public:
  LinearEmitter(KernelLibrary &lib, const LinearShape &shape,
                const LinearTile &tile);
  Kernel emit();

private:
  using Value = mlir::Value;
  using Pair = Epilogue::Pair;
  using Values = KernelBuilder::Values;
  /// What the code of all chunks refers to.
  struct Context {
    Value x, scales, zeros, sums, weight, rows, out, workspace, counters;
    mlir::ValueRange operands;
    Value firstRow, firstColumn, shared;
    /// The lane of the block and of the warp, and the warp's first row and
    /// column in the block.
    Value thread, lane, warpRow, warpColumn;
    /// The lane's first row and column in a tile of sums.
    Value row, column;
    /// Of weights without groups, for float products: loadRowOffsets.
    Values offsets;
  };
  /// What the sums of two columns count in a group, and what the sum of a row's
  /// activations counts less, where there are zero points or offsets.
  struct Scaling {
    Pair factor, less;
  };

  // Linear.cpp
  std::string makeName() const;
  Context makeContext(KernelBuilder &k, mlir::ValueRange args) const;
  void emitBody(KernelBuilder &k, mlir::ValueRange args);
  Values emitChunks(KernelBuilder &k, const Context &context, Value begin,
                    Value end);
  Values emitChunk(KernelBuilder &k, const Context &context, Value at, Value c,
                   mlir::ValueRange state);
  void emitStep(KernelBuilder &k, const Context &context, Value at,
                int64_t step, llvm::MutableArrayRef<TileCodes> codes,
                llvm::ArrayRef<Value> offsets, Values &sums);

  // LinearScaling.cpp
  Value getRow(KernelBuilder &k, const Context &context, int64_t i) const;
  Values loadOffsets(KernelBuilder &k, const Context &context,
                     llvm::function_ref<Value(Value column)> zeroOf) const;
  Values loadRowOffsets(KernelBuilder &k, const Context &context) const;
  Values loadGroupOffsets(KernelBuilder &k, const Context &context, Value at,
                          int64_t group) const;
  Values loadRowSums(KernelBuilder &k, const Context &context,
                     Value group) const;
  Scaling loadScaling(KernelBuilder &k, Value scales, Value zeros) const;
  Value scale(KernelBuilder &k, const Scaling &scaling, unsigned column,
              Value sum, Value rowSum, Value number) const;
  void rescale(KernelBuilder &k, const Context &context, Value at, Value c,
               int64_t group, llvm::ArrayRef<Value> sums,
               Values &numbers) const;
  /// Where things lie that the weight has once for each of its rows.
  struct PanelPlace {
    Value panel, column;
    Value at(KernelBuilder &k, int64_t first, int64_t bytes) const {
      return k.at(panel, k.addC(k.mulC(column, bytes), first));
    }
  };
  PanelPlace locateColumn(KernelBuilder &k, const Context &context,
                          Value column, int64_t last) const;
  void finish(KernelBuilder &k, const Context &context,
              mlir::ValueRange state) const;

  // LinearSplits.cpp
  /// Adds up the states of the blocks that share a tile, in their order, and
  /// runs `rest` on the sum in the last one that comes.
  void reduceSplits(KernelBuilder &k, const Context &context,
                    mlir::ValueRange state,
                    llvm::function_ref<void(mlir::ValueRange)> rest) const;

  bool isFloat() const { return !shape.input; }
  bool isGrouped() const { return g.groups > 1; }
  RowsAttr getRows() const {
    return mlir::cast<RowsAttr>(shape.input.getLayout());
  }
  bool hasInputZeros() const {
    return !isFloat() && (shape.input.hasZeros() || getRows().getExcess());
  }
  /// Whether zero points or offsets come off sums, by the sums of activations.
  bool usesRowSums() const { return !isFloat() && g.zeroBytes; }
  int64_t getRowBytes() const {
    return isFloat() ? llvm::alignTo(2 * inputs, 16)
                     : llvm::alignTo(inputs, getRows().getPad());
  }
  int64_t getSize() const { return rowTiles * columnTiles * 4; }
  /// The first of the words of tile (m, n).
  int64_t getIndex(int64_t m, int64_t n) const {
    return (m * columnTiles + n) * 4;
  }
  int64_t getSteps() const { return FragmentGeometry::chunkInputs / dot.k; }
  /// Zero sums of the instruction, and of the state.
  Values makeSums(KernelBuilder &k) const;
  Values makeState(KernelBuilder &k) const;
  /// Chunks of a block, where several share a tile.
  int64_t getChunksPerSplit() const {
    return llvm::divideCeil(g.chunks, tile.splits);
  }

  KernelLibrary &lib;
  const LinearShape &shape;
  const LinearTile &tile;
  FragmentGeometry g;
  Decoder decoder;
  const MatrixInstruction &dot;
  LinearStage stage;
  int64_t features, inputs;
  Epilogue epilogue;
  /// Tiles of the instruction that a warp computes.
  int64_t rowTiles, columnTiles;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_LINEAREMITTER_H
