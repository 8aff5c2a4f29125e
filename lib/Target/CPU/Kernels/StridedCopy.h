//===- StridedCopy.h - copies of boxes --------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_STRIDEDCOPY_H
#define QNT_LIB_TARGET_CPU_KERNELS_STRIDEDCOPY_H

#include "../Kernels.h"

namespace qnt::cpu {

/// (ctx, from, to, i64: `rank` sizes, `rank` strides of `from`, `rank` of
/// `to`): copies a box of elements of `width` bytes (1, 2, 4 or 8), strides in
/// bytes. With `dense` the last dimension is contiguous in both.
Kernel getStridedCopyKernel(KernelLibrary &lib, int64_t rank, int64_t width,
                            bool dense);

/// The same arguments, rank 2 at least: the last dimension but one is
/// contiguous in `from`, the last in `to`. 16 x 16 elements at a time, so that
/// each line of memory is read once.
Kernel getTransposedCopyKernel(KernelLibrary &lib, int64_t rank, int64_t width);

/// (ctx, to, elements): writes `value`, an attribute of a number, everywhere.
Kernel getFillKernel(KernelLibrary &lib, mlir::TypedAttr value);
/// (ctx, to, elements, from): writes the element of `width` bytes at `from`
/// everywhere.
Kernel getFillFromKernel(KernelLibrary &lib, int64_t width);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_STRIDEDCOPY_H
