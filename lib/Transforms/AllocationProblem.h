//===- AllocationProblem.h - what formats cost ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_ALLOCATIONPROBLEM_H
#define QNT_LIB_TRANSFORMS_ALLOCATIONPROBLEM_H

#include "AllocationReport.h"

#include "qnt/Analysis/CostModel.h"

namespace qnt {

/// Limits of what a model takes; 0: none.
struct AllocationBudgets {
  /// Of an element of the open weights, on average, scales included.
  double bits = 0;
  /// Of all parameters, and of a KV cache of `context` positions.
  int64_t bytes = 0, context = 0;
  /// Milliseconds of all linear layers, with one row of input.
  double latency = 0;
  /// 1e9 bit operations (CostModel::getBitOperations) of all linear layers and
  /// convolutions, with one row of input.
  double bitOperations = 0;

  bool isEmpty() const {
    return bits == 0 && bytes == 0 && latency == 0 && bitOperations == 0;
  }
};

/// The problem of `report`: an item for each of its weights and values, in
/// their order, and one for all else, without losses yet. Formats that the
/// target has no code for are no choices. Sets the seconds of the report's
/// scores. Emits errors at `module`: latencies that the target cannot tell,
/// weights without a choice.
mlir::FailureOr<allocation::Problem>
makeAllocationProblem(mlir::ModuleOp module, AllocationReport &report,
                      const OpenWeights &open, const CostModel &costModel,
                      const AllocationBudgets &budgets);

/// Leaves tensors the formats that `pins`, REGEX=FORMAT, give them: weights in
/// whose name or layer's the expression is found, or values where it is found
/// in no weight. Emits errors: words that are none, expressions that are found
/// nowhere, pins that contradict each other.
mlir::LogicalResult pinFormats(mlir::ModuleOp module,
                               llvm::ArrayRef<std::string> pins,
                               AllocationReport &report);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_ALLOCATIONPROBLEM_H
