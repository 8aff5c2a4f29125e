//===- ImageLayouts.h - layouts of quantised images -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_LOWERING_IMAGELAYOUTS_H
#define QNT_LIB_TARGET_CPU_LOWERING_IMAGELAYOUTS_H

#include "qnt/Dialect/QNT/QNT.h"

namespace qnt::cpu {

/// Whether a linear layer reads its input in #qnt.image: integers of one given
/// scale, by a weight of integers without groups and zero points. A null input
/// is one of floats.
bool takesImage(QTensorType input, QTensorType weight);
bool takesImage(qnt::LinearOp op);

/// Bytes of a pixel of so many channels in #qnt.image.
int64_t getPixelBytes(int64_t channels);

/// Gives the activations below `root` that are quantised by a given scale, and
/// have no layout yet, #qnt.image with a halo as wide as the pads of the
/// convolutions that read them. Fails where a quantised activation comes from
/// elsewhere.
mlir::LogicalResult layOutImages(mlir::Operation *root);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_LOWERING_IMAGELAYOUTS_H
