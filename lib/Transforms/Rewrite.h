//===- Rewrite.h - patterns to the end --------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_REWRITE_H
#define QNT_LIB_TRANSFORMS_REWRITE_H

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace qnt {

/// Applies patterns, each of which makes progress, until none matches: a layer
/// that waits for the one before it may take one more round for each layer, so
/// rounds are not limited.
inline llvm::LogicalResult
applyPatterns(mlir::Operation *op,
              const mlir::FrozenRewritePatternSet &patterns) {
  mlir::GreedyRewriteConfig config;
  config.setMaxIterations(mlir::GreedyRewriteConfig::kNoLimit);
  return mlir::applyPatternsGreedily(op, patterns, config);
}

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_REWRITE_H
