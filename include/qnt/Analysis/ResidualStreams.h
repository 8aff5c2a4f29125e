//===- ResidualStreams.h - what blocks add their results to -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_RESIDUALSTREAMS_H
#define QNT_ANALYSIS_RESIDUALSTREAMS_H

#include "qnt/Dialect/NN/NN.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace qnt {

/// Values that hold features in one basis: sums (nn.add of equal types), what
/// they sum, and what keeps the basis (choices of rows, casts, calls, norms).
/// Layers write to such a stream and read from it.
struct ResidualStream {
  int64_t width = 0;
  /// Layers with parameters as weight and bias. One may be both.
  std::vector<nn::LinearOp> writers, readers;
  /// Lookups whose table is a parameter.
  std::vector<nn::EmbeddingOp> embeddings;
  /// Parameters that an nn.add adds to it.
  std::vector<mlir::OpOperand *> addends;
  /// The first op, in order of the module, that gives it or takes it and would
  /// not do the same in another basis; null where an orthogonal change of basis
  /// is possible.
  mlir::Operation *blocker = nullptr;
  /// Why: "is a layer norm", for messages.
  std::string reason;
};

/// The streams that layers read from, in the order of their first values.
std::vector<ResidualStream> collectResidualStreams(mlir::ModuleOp module);

} // namespace qnt

#endif // QNT_ANALYSIS_RESIDUALSTREAMS_H
