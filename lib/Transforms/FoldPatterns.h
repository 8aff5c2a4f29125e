//===- FoldPatterns.h - what nn-fold is made of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_FOLDPATTERNS_H
#define QNT_LIB_TRANSFORMS_FOLDPATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace qnt {

/// Sums with and products by parameters after linear layers and convolutions,
/// and zeros around images before convolutions, go into the layers.
void populateFoldLayerPatterns(mlir::RewritePatternSet &patterns);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_FOLDPATTERNS_H
