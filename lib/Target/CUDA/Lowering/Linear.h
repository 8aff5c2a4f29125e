//===- Linear.h - linear layers as kernels know them -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_LOWERING_LINEAR_H
#define QNT_LIB_TARGET_CUDA_LOWERING_LINEAR_H

#include "../Kernels.h"

namespace qnt::cuda {

/// Of a layer whose operands have their layouts.
LinearShape getLinearShape(LinearOp op);

/// The tiles that `chip` wants, by buckets of rows.
BlockStrategyAttr chooseStrategy(const LinearShape &shape, const Chip &chip);
/// Entry `i` of a strategy.
LinearTile getTile(BlockStrategyAttr strategy, size_t i);

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_LOWERING_LINEAR_H
