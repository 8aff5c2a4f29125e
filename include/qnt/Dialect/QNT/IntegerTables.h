//===- IntegerTables.h - functions as tables of integers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tables of qnt.normalize and qnt.attention, for all who evaluate them.
// Entries are rounded to nearest, computed in double.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_INTEGERTABLES_H
#define QNT_DIALECT_QNT_INTEGERTABLES_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace qnt {

/// 2^19 / sqrt(i + 256.5), of 0 <= i < 768: in (2^14, 2^15].
llvm::SmallVector<int64_t> getInverseRootTable();

/// 255 * 2^(-9 z / 512), of 0 <= z < 512, but 0 for the last.
llvm::SmallVector<int64_t> getExponentialTable();

/// 2^24 / (i + 512.5), of 0 <= i < 512: in (2^14, 2^15].
llvm::SmallVector<int64_t> getReciprocalTable();

} // namespace qnt

#endif // QNT_DIALECT_QNT_INTEGERTABLES_H
