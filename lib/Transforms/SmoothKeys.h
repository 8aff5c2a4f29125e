//===- SmoothKeys.h - channels of cached keys -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_SMOOTHKEYS_H
#define QNT_LIB_TRANSFORMS_SMOOTHKEYS_H

#include "qnt/Dialect/NN/NN.h"

namespace qnt {

/// Divides the channels of the keys of `attention` by scales that give them one
/// range, and multiplies the queries. `largest` holds the largest magnitude of
/// each channel, [kv_heads * D]. Before the rotary embedding where nothing else
/// uses it: features that it mixes then share a scale. Returns whether it was
/// so.
bool smoothKeys(nn::AttentionOp attention, llvm::ArrayRef<float> largest);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_SMOOTHKEYS_H
