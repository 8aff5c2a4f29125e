//===- TensorEmitter.h - linear layers by tensor memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_TENSOREMITTER_H
#define QNT_LIB_TARGET_CUDA_KERNELS_TENSOREMITTER_H

#include "WarpgroupPipeline.h"

namespace qnt::cuda {

/// What a block has of tensor memory, in columns, and of mbarriers, in bytes
/// behind those of the stages. Each warpgroup has two buffers, of a chunk's A
/// and of the scales of both sides' blocks, and sums: of weights whose groups
/// are scaled here twice, where that fits.
struct TensorPlan {
  /// What a multiprocessor has.
  static constexpr int64_t kColumns = 512;
  static constexpr int64_t kBuffers = 2;
  /// Of a word of the scales of 128 rows.
  static constexpr int64_t kScaleColumns = 4;

  int64_t operandColumns = 0, bufferColumns = 0;
  int64_t sumColumns = 0, sumBuffers = 0;
  /// Of a warpgroup, and of the block.
  int64_t groupColumns = 0, columns = 0;

  static TensorPlan of(const FragmentGeometry &geometry, const LinearTile &tile,
                       int64_t inputBits);
  // Of a warpgroup: A is full, it is empty, sums are full, they are empty.
  int64_t getOperandBarrier() const { return 0; }
  int64_t getSumBarrier() const { return 16 * kBuffers; }
  int64_t getGroupBytes() const { return 16 * (kBuffers + sumBuffers); }
  /// All products are over; then comes the address of the first column.
  int64_t getDoneAt(int64_t warpgroups) const {
    return warpgroups * getGroupBytes();
  }
  int64_t getSharedBytes(int64_t warpgroups) const {
    return getDoneAt(warpgroups) + 16;
  }
};

/// Generates the code of one linear layer by tcgen05.mma: a warpgroup has 128
/// features, whose decoded codes it stores in tensor memory, as one more lane
/// multiplies them there with a block's rows in shared memory. A lane reads the
/// sums of one feature, and carries, of weights in groups, `blockM` scaled f32
/// numbers.
class TensorEmitter : WarpgroupPipeline {
public:
  TensorEmitter(KernelLibrary &lib, const LinearShape &shape,
                const LinearTile &tile)
      : WarpgroupPipeline(lib, shape, tile),
        plan(TensorPlan::of(g, tile, shape.getInputBits())) {}
  Kernel emit();

private:
  /// A buffer in its turn, and the parity of the phase that fills it.
  struct Turn {
    Value slot, parity;
  };
  /// What the code refers to beside the context: where tensor memory, its
  /// mbarriers and the block's last one lie, and the lane's quarter of tensor
  /// memory, as a part of addresses.
  struct Tensor {
    Value first, barriers, done, quarter;
  };

  // LinearTensor.cpp
  void emitBody(KernelBuilder &k, mlir::ValueRange args);
  void initBarriers(KernelBuilder &k, const Context &context,
                    const Tensor &tensor) const;
  Turn getOperandTurn(KernelBuilder &k, Value c) const;
  Turn getSumTurn(KernelBuilder &k, Value c, int64_t group) const;
  Value getOperand(KernelBuilder &k, const Tensor &tensor, Value warpgroup,
                   const Turn &turn) const;
  Value getSums(KernelBuilder &k, const Tensor &tensor, Value warpgroup,
                const Turn &turn) const;
  /// The mbarrier that says that the buffer is full; the one after it that it
  /// is empty.
  Value getBarrier(KernelBuilder &k, const Tensor &tensor, Value warpgroup,
                   int64_t at, const Turn &turn) const;
  void waitFull(KernelBuilder &k, Value barrier, const Turn &turn) const;
  void waitEmpty(KernelBuilder &k, Value barrier, const Turn &turn) const;
  /// What the warp did to tensor memory is there for who waits.
  void arriveAt(KernelBuilder &k, const Context &context, Value barrier) const;
  /// The one lane that multiplies.
  void emitProducts(KernelBuilder &k, const Context &context,
                    const Tensor &tensor) const;
  void emitProduct(KernelBuilder &k, const Tensor &tensor, Value warpgroup,
                   Value c, Value matrix) const;
  void emitStep(KernelBuilder &k, Value operand, Value sums, Value matrix,
                int64_t step, Value adds) const;

  // TensorOperands.cpp
  /// Decodes all chunks; numbers of weights in groups.
  Values emitChunks(KernelBuilder &k, const Context &context,
                    const Tensor &tensor) const;
  /// Decodes chunk `c` of the stage; what its sums count.
  Values emitChunk(KernelBuilder &k, const Context &context,
                   const Tensor &tensor, const Place &place, Value c) const;
  void storeHalf(KernelBuilder &k, const Context &context, Value codesAt,
                 Value operand, int64_t half,
                 llvm::ArrayRef<Values> offsets) const;
  /// The scales of the stage at `at`, behind `operand`.
  void storeScales(KernelBuilder &k, const Context &context, Value at,
                   Value operand) const;
  void rescale(KernelBuilder &k, const Context &context, const Tensor &tensor,
               Value c, mlir::ValueRange factors, Values &numbers) const;
  /// Without `numbers`, of the sums in tensor memory.
  void finishTile(KernelBuilder &k, const Context &context,
                  const Tensor &tensor, mlir::ValueRange numbers) const;
  /// Of blocks that share a tile, once all of the block's products are over: by
  /// all lanes.
  void finishShared(KernelBuilder &k, const Context &context,
                    const Tensor &tensor) const;
  /// Of a lane's sums without groups, a piece from row `first` on.
  Values loadSums(KernelBuilder &k, const Context &context,
                  const Tensor &tensor, int64_t first) const;

  /// Words of the scales of a row in a chunk, and where word `w` of A's begins
  /// in a buffer, or of B's.
  int64_t getScaleWords() const { return g.groupsPerChunk / 4; }
  int64_t getScales(bool ofB, int64_t w) const {
    return plan.operandColumns +
           (ofB * getScaleWords() + w) * TensorPlan::kScaleColumns;
  }
  /// Groups of a chunk whose sums are apart.
  int64_t getGroups() const { return isGrouped() ? g.groupsPerChunk : 1; }
  /// Columns of sums that are read at once.
  int64_t getPiece() const { return tile.blockM % 32 ? 16 : 32; }
  /// Values of a group's factor.
  size_t getFactorSize() const { return usesRowSums() ? 2 : 1; }
  mlir::Type getNumberType(KernelBuilder &k) const {
    return dot.isInteger() ? k.i32() : k.f32();
  }
  /// The lane's feature in the panel, as the sums lie.
  Value getRowFeature(KernelBuilder &k, const Context &context) const {
    return k.add(k.mulC(k.remC(context.warp, 2), kWarp), context.lane);
  }

  TensorPlan plan;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_TENSOREMITTER_H
