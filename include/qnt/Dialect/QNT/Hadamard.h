//===- Hadamard.h - Hadamard matrices and their signs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What #qnt.hadamard means, in one place: the interpreter, the evaluation of
// parameters and targets all go through here.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_QNT_HADAMARD_H
#define QNT_DIALECT_QNT_HADAMARD_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace qnt {

/// A Hadamard matrix as the Kronecker product of a dense one and Sylvester's.
struct HadamardOrder {
  /// The order of the dense factor (1, or one of Paley's), and of Sylvester's,
  /// a power of two.
  int64_t dense = 1, sylvester = 1;
  int64_t get() const { return dense * sylvester; }
};

/// The factors of the Hadamard matrix of order `n` that `#qnt.hadamard`
/// describes, with the least dense one; none where it has no such matrix.
std::optional<HadamardOrder> getHadamardOrder(int64_t n);

/// The largest block that divides `size` and has a Hadamard matrix.
int64_t getLargestHadamardBlock(int64_t size);

/// The dense matrix of order `dense` of a HadamardOrder, entries 1 and -1, row
/// by row. Paley (1933): of order q + 1 for a prime q = 3 mod 4, and 2 (q + 1)
/// for a prime q = 1 mod 4.
llvm::SmallVector<int8_t> getDenseHadamard(int64_t dense);

/// 1 or -1 for features [first, first + count).
llvm::SmallVector<int8_t> getHadamardSigns(uint64_t seed, int64_t first,
                                           int64_t count);

/// Rows of `values`, of `width` numbers each, times R (or its transpose) in
/// place: a row is whole blocks, the first of which begins at feature `first`.
/// In the arithmetic of the numbers, the same for each row.
void rotateHadamard(llvm::MutableArrayRef<double> values, int64_t width,
                    int64_t block, uint64_t seed, int64_t first,
                    bool transposed);
void rotateHadamard(llvm::MutableArrayRef<float> values, int64_t width,
                    int64_t block, uint64_t seed, int64_t first,
                    bool transposed);

} // namespace qnt

#endif // QNT_DIALECT_QNT_HADAMARD_H
