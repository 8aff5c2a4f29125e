//===- LowRank.h - the best matrix of a given rank -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_LOWRANK_H
#define QNT_LIB_TRANSFORMS_LOWRANK_H

#include "llvm/ADT/ArrayRef.h"

#include <vector>

namespace qnt {

/// The factors of qnt.low_rank: left [rows, rank] and right [rank, columns].
struct LowRankFactors {
  std::vector<float> left, right;
};

/// Factors `matrix`, [rows, columns], as qnt.low_rank describes. `moment` is
/// [columns, columns], symmetric, or empty. Throws ParamsError where numbers
/// are not finite.
LowRankFactors factorize(llvm::ArrayRef<float> matrix,
                         llvm::ArrayRef<float> moment, int64_t rows,
                         int64_t columns, int64_t rank);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_LOWRANK_H
