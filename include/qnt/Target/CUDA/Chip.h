//===- Chip.h - GPUs that code is generated for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CUDA_CHIP_H
#define QNT_TARGET_CUDA_CHIP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace qnt::cuda {

/// One kind of GPU: data, and which instructions it offers.
struct Chip {
  /// As LLVM, ptxas and the command line spell it.
  llvm::StringRef name;
  /// LLVM's feature for the PTX version that knows it.
  llvm::StringRef ptx;
  /// Bytes of shared memory that one block may use, and 32-bit registers of a
  /// multiprocessor.
  int64_t sharedBytes, registers;
  /// Bytes of device memory, of the largest part sold.
  int64_t memory;
  /// Of the largest part sold: multiprocessors, bytes a second of memory, and
  /// dense operations a second of the tensor cores (two a multiply-add), of f16
  /// with f32 sums and of int8. NVIDIA's data sheets.
  int64_t multiprocessors;
  double bandwidth, halfOps, int8Ops;
  /// Beside mma.sync, ldmatrix and cp.async, which all have; `hasFloat8` is
  /// mma.sync of e4m3 and e5m2, and conversions to them.
  bool hasFloat8, hasTMA, hasWgmma, hasTcgen05, hasBlockScaledMma;
};

/// Oldest first.
llvm::ArrayRef<Chip> getChips();
/// Null when there is none of that name.
const Chip *findChip(llvm::StringRef name);
/// What to say of a name that is none.
std::string describeUnknownChip(llvm::StringRef name);

} // namespace qnt::cuda

#endif // QNT_TARGET_CUDA_CHIP_H
