//===- Losses.h - what gradients are of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_GRADIENT_LOSSES_H
#define QNT_LIB_TRANSFORMS_GRADIENT_LOSSES_H

#include "Tensors.h"

namespace qnt {

/// The scalars that an output becomes; docs/gradients.md defines them.
enum class LossKind { Cotangent, CrossEntropy, SquaredError, KL };

/// The kind of a name: cotangent, cross_entropy, squared_error or kl.
std::optional<LossKind> parseLossKind(llvm::StringRef name);

/// The type of what an output of type `output` is compared with, null where
/// the loss does not fit it.
mlir::RankedTensorType getTargetType(LossKind kind, mlir::Type output);

struct Loss {
  /// tensor<f32>.
  mlir::Value value;
  /// Its gradient with respect to the output.
  mlir::Value cotangent;
};

/// Writes the loss of `output` given `target`, of getTargetType.
Loss emitLoss(Tensors &t, LossKind kind, mlir::Value output,
              mlir::Value target);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_GRADIENT_LOSSES_H
