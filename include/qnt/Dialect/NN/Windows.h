//===- Windows.h - windows of convolutions and pooling -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_NN_WINDOWS_H
#define QNT_DIALECT_NN_WINDOWS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/ArrayRef.h"

namespace qnt::nn {

/// How windows lie on images [B, H, W, C]: axis 0 is rows, axis 1 columns.
struct Windows {
  /// Two numbers each; `pads` is above, left, below, right.
  llvm::ArrayRef<int64_t> kernel, strides, pads, dilations;

  /// Those of nn.conv, nn.pool and their likes.
  template <typename Op>
  static Windows of(Op &&op, llvm::ArrayRef<int64_t> kernel) {
    return {kernel, op.getStrides(), op.getPads(), op.getDilations()};
  }

  int64_t getPadBefore(unsigned axis) const { return pads[axis]; }
  int64_t getPadAfter(unsigned axis) const { return pads[axis + 2]; }
  /// Rows or columns from the first to the last tap, both included.
  int64_t getExtent(unsigned axis) const {
    return dilations[axis] * (kernel[axis] - 1) + 1;
  }
  /// Windows along an axis of `size` rows or columns; dynamic of a dynamic
  /// size.
  int64_t getOutputSize(int64_t size, unsigned axis) const;
  /// [B, OH, OW, channels] for images of shape `input`, of rank 4.
  llvm::SmallVector<int64_t> getOutputShape(llvm::ArrayRef<int64_t> input,
                                            int64_t channels) const;

  /// Whether the numbers make sense, and every window fits a static image.
  mlir::LogicalResult
  verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
         llvm::ArrayRef<int64_t> input) const;
};

} // namespace qnt::nn

#endif // QNT_DIALECT_NN_WINDOWS_H
