//===- WarpgroupEmitter.h - linear layers by warpgroups -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_KERNELS_WARPGROUPEMITTER_H
#define QNT_LIB_TARGET_CUDA_KERNELS_WARPGROUPEMITTER_H

#include "WarpgroupPipeline.h"

namespace qnt::cuda {

/// Generates the code of one linear layer by wgmma: a warpgroup computes the
/// products of the 64 features of a panel, whose decoded codes stay in its
/// registers. A lane carries `blockM` / 2 numbers for 2 features: i32 or f32
/// sums of the weight's numbers where one scale covers a row, otherwise scaled
/// f32 numbers.
class WarpgroupEmitter : WarpgroupPipeline {
public:
  WarpgroupEmitter(KernelLibrary &lib, const LinearShape &shape,
                   const LinearTile &tile)
      : WarpgroupPipeline(lib, shape, tile) {}
  Kernel emit();

private:
  // LinearWarpgroups.cpp
  void emitBody(KernelBuilder &k, mlir::ValueRange args);
  Values emitChunks(KernelBuilder &k, const Context &context);
  Values emitChunk(KernelBuilder &k, const Context &context, Value at, Value c,
                   mlir::ValueRange state);
  Values emitStep(KernelBuilder &k, const Context &context, Value matrix,
                  int64_t step, llvm::MutableArrayRef<TileCodes> codes,
                  llvm::ArrayRef<Value> offsets, const Values &sums);

  // WarpgroupRescale.cpp
  void rescale(KernelBuilder &k, const Context &context, Value at, Value c,
               int64_t group, const Values &sums, Values &numbers) const;
  void finishTile(KernelBuilder &k, const Context &context,
                  mlir::ValueRange state) const;

  int64_t getSize() const { return tile.blockM / 2; }
  Values makeState(KernelBuilder &k) const;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_KERNELS_WARPGROUPEMITTER_H
