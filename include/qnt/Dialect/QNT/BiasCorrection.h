//===- BiasCorrection.h - biases that keep means -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_BIASCORRECTION_H
#define QNT_DIALECT_QNT_BIASCORRECTION_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace qnt {

/// One element of qnt.correct_bias: the bias of `row` of a weight of `shape`,
/// [N, K] or [N, kernel h, kernel w, channels of a group], whose elements are
/// `weight` and, quantised and decoded, `decoded`. `mean` has the means of the
/// inputs of all groups.
float correctBias(float bias, llvm::ArrayRef<float> weight,
                  llvm::ArrayRef<float> decoded, llvm::ArrayRef<float> mean,
                  llvm::ArrayRef<int64_t> shape, int64_t row);

} // namespace qnt

#endif // QNT_DIALECT_QNT_BIASCORRECTION_H
