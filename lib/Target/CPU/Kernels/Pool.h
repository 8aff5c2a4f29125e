//===- Pool.h - windows of images -------------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_KERNELS_POOL_H
#define QNT_LIB_TARGET_CPU_KERNELS_POOL_H

#include "../Kernels.h"

namespace qnt::cpu {

/// One window: where it is in the result, the taps of its rows and columns that
/// lie inside the image, and where its first tap is, which may be outside.
struct Window {
  mlir::Value image, line, pixel, firstRow, lastRow, firstColumn, lastColumn, x;
};

/// A kernel whose arguments begin with x and the batch, which calls `body` for
/// every window of every image.
Kernel getWindowsKernel(
    KernelLibrary &lib, llvm::StringRef name, const PoolShape &shape,
    mlir::TypeRange args,
    std::function<void(KernelBuilder &, mlir::ValueRange, const Window &)>
        body);

/// state = step(state, address of `offset` bytes into the pixel) for every
/// pixel of a window.
mlir::Value foldWindow(
    KernelBuilder &k, const PoolShape &shape, const Window &window,
    mlir::Value offset, mlir::Value init,
    llvm::function_ref<mlir::Value(mlir::Value state, mlir::Value at)> step);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_KERNELS_POOL_H
