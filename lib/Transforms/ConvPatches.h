//===- ConvPatches.h - what the windows of convolutions see -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_CONVPATCHES_H
#define QNT_LIB_TRANSFORMS_CONVPATCHES_H

#include "qnt/Analysis/ActivationSites.h"

#include "mlir/IR/Builders.h"

#include <string>

namespace qnt {

/// `images` [batch, h, w, channels] with zeros around them, as far as windows
/// reach: `pads` are those of nn.conv and nn.pool.
mlir::Value createZeroPads(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Value images, llvm::ArrayRef<int64_t> pads);

/// The patches of an nn.conv, [batch, output h, output w, kernel h * kernel w *
/// channels] f32: its output is their product with the flattened weight, group
/// by group. At the builder's place, after the convolution.
mlir::Value createPatches(mlir::OpBuilder &builder, nn::ConvOp conv);

/// The name that statistics of the patches of a layer of `site` go by, unique
/// within the module: "SITE.patches", and "SITE.patches.N" of a further layer.
std::string getPatchesName(const ActivationSite &site, mlir::Operation *layer);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_CONVPATCHES_H
