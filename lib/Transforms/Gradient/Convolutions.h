//===- Convolutions.h - convolutions as products of matrices -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_GRADIENT_CONVOLUTIONS_H
#define QNT_LIB_TRANSFORMS_GRADIENT_CONVOLUTIONS_H

#include "Tensors.h"

namespace qnt {

/// The matrices whose product a convolution is, one pair for each group.
struct ConvMatrices {
  ConvMatrices(Tensors &t, nn::ConvOp op);

  /// [B, OH, OW, N] as [groups, pixels, N / groups], and back.
  mlir::Value splitPixels(mlir::Value value);
  mlir::Value joinPixels(mlir::Value value);
  /// [N, KH, KW, C / groups] as [groups, N / groups, depth].
  mlir::Value splitWeight(mlir::Value weight);
  /// What the windows see, [groups, pixels, depth].
  mlir::Value emitPatches();

  Tensors &t;
  nn::ConvOp op;
  mlir::OpFoldResult groups, features, taps, channels, depth, pixels;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_GRADIENT_CONVOLUTIONS_H
