//===- AttentionTile.h - attention of a few query rows ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_ATTENTIONTILE_H
#define QNT_LIB_TARGET_CPU_KERNELS_ATTENTIONTILE_H

#include "Common.h"

namespace qnt::cpu {

/// The most query rows of a tile on this machine, a power of two.
int64_t getMaxAttentionRows(const ISA &isa);

/// The function, internal to the module, that computes `rows` query rows which
/// share a head of keys and values. Row r is token r / g, head r % g, where g
/// query heads share a head.
///
/// (query, out: of token 0 and the first of the g heads; keys, values of this
/// head; first row, last valid row: rows beyond it repeat it; limit: the start
/// position, or the number of valid keys).
Kernel getAttentionTile(KernelLibrary &lib, llvm::StringRef name,
                        const AttentionShape &shape, int64_t rows);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_ATTENTIONTILE_H
