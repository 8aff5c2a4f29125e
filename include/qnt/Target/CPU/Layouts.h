//===- Layouts.h - how the CPU target stores weights ------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CPU_LAYOUTS_H
#define QNT_TARGET_CPU_LAYOUTS_H

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::cpu {

/// The layout that qnt-cpu-layout gives the weight [N, K] or [N, KH, KW,
/// C / groups] of a linear layer or a convolution without dilation. `input`
/// holds the codes that it takes, [.., K] or [.., C]; null: it takes floats.
/// Null where the target has no lowering for the two.
Layout getWeightLayout(QTensorType weight, QTensorType input,
                       int64_t groups = 1);

/// Bytes of a KV cache of one sequence with so many positions.
int64_t getCacheBytes(nn::KVCacheType cache, int64_t positions);

} // namespace qnt::cpu

#endif // QNT_TARGET_CPU_LAYOUTS_H
