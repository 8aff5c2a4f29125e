//===- WarpgroupPipeline.h - linear layers by warpgroups -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_WARPGROUPPIPELINE_H
#define QNT_LIB_TARGET_CUDA_KERNELS_WARPGROUPPIPELINE_H

#include "LinearScaling.h"

namespace qnt::cuda {

/// Where things lie in the shared memory of one stage: boxes of activations,
/// whose rows have 128 bytes, or 64 where a chunk has no more, and of each
/// panel of the block the codes, then, of weights in groups, scales and zero
/// points of the chunk's groups, and where both sides are in groups 16 bytes of
/// each row of activations that begin with its scales. Behind the stages each
/// has two mbarriers: it is full, it is empty.
struct WarpgroupStage {
  /// Bytes of a row of the box of scales.
  static constexpr int64_t scaleRow = 16;

  int64_t panels = 0, boxes = 0, rowBytes = 0, boxBytes = 0;
  int64_t codesAt = 0, scalesAt = 0, zerosAt = 0, rowScalesAt = 0, bytes = 0;
  /// Of the scales and of the zero points of a panel's groups.
  int64_t scaleBytes = 0, zeroBytes = 0;

  /// `inputBits`: of one activation.
  static WarpgroupStage of(const FragmentGeometry &geometry,
                           const LinearTile &tile, int64_t inputBits);
  /// Of a block.
  int64_t getSharedBytes(int64_t stages) const { return stages * (bytes + 16); }
};

/// What kernels of linear layers by warpgroups share, whichever instruction
/// multiplies: products are transposed, of the features of panels, whose codes
/// are decoded in registers, with a block's rows in shared memory. One more
/// warpgroup brings both by TMA.
class WarpgroupPipeline : protected LinearScaling {
protected:
  using Values = KernelBuilder::Values;
  /// What the code of all chunks refers to.
  struct Context {
    explicit Context(mlir::ValueRange args) : args(args) {}

    LinearArguments args;
    /// `barriers` is where the first stage's lie.
    Value firstRow, firstColumn, shared, barriers, thread;
    /// The block's first chunk, and how many it has.
    Value firstChunk, chunks;
    /// The warpgroup of the block, the warp of the warpgroup, the lane of the
    /// warp, and its part `lane` / 4.
    Value warpgroup, warp, lane, eighth;
    /// The panel of the block whose codes the lane decodes, and the first of
    /// its features there; the others follow in steps of 8.
    Value panel, feature;
    /// Of weights without groups, for float products.
    Values offsets;
  };
  /// The stage of a chunk, as offset and number, and the parity of its phase.
  struct Place {
    Value offset, stage, parity;
    mlir::SmallVector<Value, 3> get() const { return {offset, stage, parity}; }
    static Place of(mlir::ValueRange values) {
      return {values[0], values[1], values[2]};
    }
  };

  WarpgroupPipeline(KernelLibrary &lib, const LinearShape &shape,
                    const LinearTile &tile);

  // WarpgroupPipeline.cpp
  /// All but the lane's features.
  Context makeContext(KernelBuilder &k, mlir::ValueRange args) const;
  /// `arrivals` empty a stage.
  void initStages(KernelBuilder &k, const Context &context,
                  int64_t arrivals) const;
  Place next(KernelBuilder &k, const Place &place) const;
  /// The first stage, for those who wait for it to be full, or to be empty.
  Place getFirst(KernelBuilder &k, bool isEmpty) const;
  Value getFull(KernelBuilder &k, const Context &context,
                const Place &place) const;
  Value getEmpty(KernelBuilder &k, const Context &context,
                 const Place &place) const;
  /// All lanes of the warp have read the stage.
  void leaveStage(KernelBuilder &k, const Context &context,
                  const Place &place) const;
  /// The one lane that copies.
  void emitCopies(KernelBuilder &k, const Context &context) const;
  /// Those that multiply, and the warpgroup behind them, which has few
  /// registers.
  void emitRoles(KernelBuilder &k, const Context &context,
                 llvm::function_ref<void()> multiply,
                 llvm::function_ref<void()> copy) const;
  /// `products` is what the kernel's name calls their instruction,
  /// `sharedBytes` beside those of the stages.
  Kernel makeKernel(llvm::StringRef products, int64_t sharedBytes,
                    KernelLibrary::Body body) const;
  /// Lanes that multiply.
  int64_t getLanes() const { return tile.warpgroups * kWarpgroup; }
  /// Of a chunk.
  int64_t getSteps() const {
    return FragmentGeometry::chunkInputs / dot.getK();
  }
  /// Where the inputs of a step begin in a stage.
  int64_t getStepOffset(int64_t step) const;
  /// Word `w` of A of the lane's feature in a tile.
  Value decode(KernelBuilder &k, TileCodes &codes, int64_t w,
               Value offset) const;

  // WarpgroupScales.cpp
  Value getInput(KernelBuilder &k, Value c) const;
  Value getLine(KernelBuilder &k, Value c, int64_t group) const;
  /// Of the lane's features in `tiles` tiles.
  Values loadRowOffsets(KernelBuilder &k, const Context &context,
                        int64_t tiles) const;
  Values loadGroupOffsets(KernelBuilder &k, const Context &context, Value at,
                          Value line, int64_t tiles) const;
  /// The group's number in the row.
  Value getGroup(KernelBuilder &k, Value c, int64_t group) const;
  /// Of feature `feature` of the lane's panel and group `group` of chunk `c`,
  /// in the stage at `at`: nothing where there is no such group.
  Factor loadGroupFactor(KernelBuilder &k, const Context &context, Value at,
                         Value c, int64_t group, Value feature) const;
  /// A lane holds numbers of one feature in two rows, `first` and `second`, and
  /// the lane `mask` from it those of the neighbouring feature: of the row that
  /// stays with it, those of both.
  Pair exchange(KernelBuilder &k, Value isOdd, Value first, Value second,
                int64_t mask) const;

  /// Groups of the last chunk.
  int64_t getLastGroups() const {
    return g.groups - (g.chunks - 1) / g.chunksPerGroup * g.groupsPerChunk;
  }
  bool hasPartialChunk() const {
    // Scales of 8 bits are padded to whole chunks.
    return !g.hasSmallScales && g.groups % g.groupsPerChunk != 0;
  }

  KernelLibrary &lib;
  const LinearTile &tile;
  const WarpgroupInstruction &dot;
  WarpgroupStage stage;

private:
  void emitCopy(KernelBuilder &k, const Context &context, const Place &place,
                Value c, llvm::ArrayRef<Value> panels) const;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_WARPGROUPPIPELINE_H
