//===- AttentionParts.h - joins parts of a context -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_ATTENTIONPARTS_H
#define QNT_LIB_TARGET_CUDA_KERNELS_ATTENTIONPARTS_H

#include "../KernelBuilder.h"

namespace qnt::cuda {

/// Of query rows that a block computes together, what each part of the context
/// gives: the largest score, or more, as an exponent of two, the sum of the
/// weights beside it, and the values so weighted. The warps of a block have
/// parts in shared memory, the blocks of a split in a workspace.
class AttentionParts {
public:
  using Value = mlir::Value;
  /// Below all scores, and finite, so that differences are numbers; a part
  /// without positions has it, and sums of zero.
  static constexpr float kNoScore = -1.5e38f;

  AttentionParts(int64_t rows, int64_t features, int64_t warps, int64_t splits)
      : rows(rows), features(features), warps(warps), splits(splits) {}

  /// Shared memory, and for more than one split arguments and workspace. Tiles
  /// are blocks of the grid's x and y, splits those of its z.
  void describe(Kernel &kernel);

  /// For what a warp leaves of a row: `features` f32; the largest score and the
  /// sum of weights.
  Value valuesOf(KernelBuilder &k, Value warp, Value row) const;
  void storeState(KernelBuilder &k, Value warp, Value row, Value most,
                  Value sum) const;

  /// By all lanes, once what the warps leave is stored: joins warps, then
  /// splits in their order, in the block that comes last, and stores `count` of
  /// the rows where `placeOf` says; zeros where there were no positions.
  void finish(KernelBuilder &k, mlir::ValueRange args, Value tile, Value count,
              llvm::function_ref<Value(Value row)> placeOf) const;

private:
  /// Four neighbouring features of a row.
  struct Joined {
    Value row, feature, most, sum;
    KernelBuilder::Values numbers;
  };
  int64_t getPartBytes() const {
    return int64_t(llvm::alignTo(4 * rows * (features + 2), 16));
  }
  Value valuesAt(KernelBuilder &k, Value part, Value row) const;
  Value stateAt(KernelBuilder &k, Value part, Value row) const;
  void join(KernelBuilder &k, Value parts, int64_t partCount, Value count,
            llvm::function_ref<void(const Joined &)> use) const;
  void storeResult(KernelBuilder &k, Value parts, int64_t partCount,
                   Value count,
                   llvm::function_ref<Value(Value row)> placeOf) const;

  int64_t rows, features, warps, splits;
  unsigned workspace = 0, counters = 0;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_ATTENTIONPARTS_H
