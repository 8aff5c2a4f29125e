//===- Windows.h - kernels that move over images -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_WINDOWS_H
#define QNT_IMPORT_ONNX_WINDOWS_H

#include "Loops.h"

namespace qnt::onnx {

/// One number for each spatial dimension (those after batch and channels).
struct Windows {
  llvm::SmallVector<int64_t> kernel, strides, dilations, before, after;
  /// How many windows there are.
  llvm::SmallVector<Dim> counts;
  /// The last windows may reach beyond `after`, by this in all.
  llvm::SmallVector<Dim> overhang;

  int64_t getRank() const { return kernel.size(); }
  /// What a kernel spans with its dilation.
  int64_t getExtent(int64_t i) const {
    return dilations[i] * (kernel[i] - 1) + 1;
  }
  /// [above, left, below, right] of two spatial dimensions, for nn ops; the
  /// overhang is part of what follows.
  std::optional<llvm::SmallVector<int64_t>> getPads() const;
};

/// The kernel_shape of the node, which `expected` gives if it is missing.
llvm::SmallVector<int64_t> readKernel(Node &node,
                                      llvm::ArrayRef<int64_t> expected);

/// Reads strides, dilations, pads and auto_pad for images of the sizes
/// `spatial`.
Windows readWindows(Node &node, llvm::ArrayRef<Dim> spatial,
                    llvm::ArrayRef<int64_t> kernel, bool ceilMode);

/// An integer attribute with a number for each spatial dimension, at least
/// `least`; `missing` without.
llvm::SmallVector<int64_t> readNumbers(Node &node, llvm::StringRef name,
                                       size_t count, int64_t least,
                                       int64_t missing);

/// Where a window's position of the kernel reads, which may be outside:
/// window * stride + position * dilation - before.
mlir::Value getPosition(const LoopBody &body, const Windows &windows, int64_t i,
                        mlir::Value window, mlir::Value position);

/// Images of one or two spatial dimensions, [N, C, L] or [N, C, H, W], as [N,
/// H, W, C] with H = 1, and back.
Tensor toChannelsLast(Node &node, const Tensor &images);
Tensor fromChannelsLast(Node &node, const Tensor &images, int64_t spatial);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_WINDOWS_H
