//===- Windows.h - windows of images, from the images' side -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_GRADIENT_WINDOWS_H
#define QNT_LIB_TRANSFORMS_GRADIENT_WINDOWS_H

#include "Tensors.h"

#include "qnt/Dialect/NN/Windows.h"

namespace qnt {

/// What a window does to one of its positions.
struct WindowPoint {
  /// Number and place of the window: batch, row and column; then the tap and
  /// the channel.
  mlir::Value batch, row, column, tapRow, tapColumn, channel;
};

/// The sum, at each position of `image` [B, H, W, C], over the windows that see
/// it, of what `body` says, which also gets the position's element. `output` is
/// the shape [B, OH, OW, ...] of the windows, static but for the batch.
mlir::Value sumOverWindows(
    Tensors &t, mlir::Value image, const nn::Windows &windows,
    llvm::ArrayRef<int64_t> output,
    llvm::function_ref<mlir::Value(Numbers &, const WindowPoint &, mlir::Value)>
        body);

/// Whether rows, columns and channels of `op`'s images are static, which
/// its rule needs; else emits an error.
llvm::LogicalResult checkImageShapes(mlir::Operation *op);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_GRADIENT_WINDOWS_H
