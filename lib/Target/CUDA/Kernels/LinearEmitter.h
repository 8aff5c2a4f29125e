//===- LinearEmitter.h - generates linear layers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_LINEAREMITTER_H
#define QNT_LIB_TARGET_CUDA_KERNELS_LINEAREMITTER_H

#include "LinearScaling.h"
#include "LinearStage.h"

namespace qnt::cuda {

/// Generates the code of one linear layer. A lane carries four 32-bit words for
/// each tile of the instruction: i32 sums of the weight's numbers, where one
/// scale covers a row, otherwise scaled f32 numbers.
class LinearEmitter : LinearScaling {
public:
  LinearEmitter(KernelLibrary &lib, const LinearShape &shape,
                const LinearTile &tile);
  Kernel emit();

private:
  /// What the code of all chunks refers to.
  struct Context {
    explicit Context(mlir::ValueRange args) : args(args) {}

    LinearArguments args;
    Value firstRow, firstColumn, shared;
    /// The lane of the block and of the warp, and the warp's first row and
    /// column in the block.
    Value thread, lane, warpRow, warpColumn;
    /// The lane's first row and column in a tile of sums.
    Value row, column;
    /// Of weights without groups, for float products: loadRowOffsets.
    Values offsets;
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
  Value decode(KernelBuilder &k, TileCodes &codes, int64_t word,
               Value offset) const;

  // LinearBlockScaled.cpp
  /// Of a chunk, the words of scales of the lane's tiles.
  struct ScaleWords {
    llvm::SmallVector<Values> rows, columns;
  };
  ScaleWords loadScaleWords(KernelBuilder &k, const Context &context,
                            Value at) const;
  /// The products of tile (m, n) in a step.
  Values multiply(KernelBuilder &k, int64_t m, int64_t n, int64_t step,
                  mlir::ValueRange a, mlir::ValueRange b,
                  mlir::ValueRange sums) const;

  // LinearRescale.cpp
  Value getRow(KernelBuilder &k, const Context &context, int64_t i) const;
  Values loadOffsets(KernelBuilder &k, const Context &context,
                     llvm::function_ref<Value(Value column)> zeroOf) const;
  Values loadRowOffsets(KernelBuilder &k, const Context &context) const;
  Values loadGroupOffsets(KernelBuilder &k, const Context &context, Value at,
                          int64_t group) const;
  void rescale(KernelBuilder &k, const Context &context, Value at, Value c,
               int64_t group, llvm::ArrayRef<Value> sums,
               Values &numbers) const;
  void finishTile(KernelBuilder &k, const Context &context,
                  mlir::ValueRange state) const;

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
  const LinearTile &tile;
  const MatrixInstruction &dot;
  LinearStage stage;
  /// Tiles of the instruction that a warp computes.
  int64_t rowTiles, columnTiles;
  /// Of the chunk whose code is being generated, where products are of blocks.
  ScaleWords scaleWords;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_LINEAREMITTER_H
