//===- Blocks.h - a model in parts -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_BLOCKS_H
#define QNT_TRANSFORMS_BLOCKS_H

#include "qnt/Analysis/ModelRunner.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace qnt {

/// One part of a model as a module of its own, whose entry point is @main.
/// Parts that compute the same differ in the names of parameters alone:
/// arguments are input.N, an observed site is the number that it has in
/// `sites`, a cache has the layers of this part.
struct ModelBlock {
  /// Stands for the result of the block before.
  static constexpr int64_t link = -1;

  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// What each argument of @main but the cache is: the index of an argument of
  /// the entry point, or `link`.
  llvm::SmallVector<int64_t> inputs;
  BlockSites sites;
  /// Elements of the parameters that it loads.
  int64_t parameters = 0;
};

/// Cuts what `entry` calls and does as findModelParts (Analysis/ModelParts.h)
/// has it; with `asOne` it stays in one part. Each part but the last returns
/// what the next one takes; results of `entry` are computed only where a
/// qnt.observe needs them. Inlines calls in `entry`. Emits an error where a
/// call cannot be.
mlir::FailureOr<std::vector<ModelBlock>>
cutIntoBlocks(mlir::ModuleOp module, mlir::func::FuncOp entry, bool asOne);

} // namespace qnt

#endif // QNT_TRANSFORMS_BLOCKS_H
