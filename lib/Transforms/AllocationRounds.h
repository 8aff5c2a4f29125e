//===- AllocationRounds.h - losses around an allocation ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_ALLOCATIONROUNDS_H
#define QNT_LIB_TRANSFORMS_ALLOCATIONROUNDS_H

#include "AllocationReport.h"
#include "LossMeter.h"

#include "qnt/Support/Progress.h"

namespace qnt {

/// Moves an allocation to better ones. Losses of single weights in a model of
/// floats do not add up where they are large; what a weight gains or loses
/// beside the formats that the others were given is measured here.
class AllocationRounds {
public:
  /// `report` has its problem with the losses of single tensors, and what was
  /// chosen by them.
  AllocationRounds(LossMeter &meter, AllocationReport &report)
      : meter(meter), report(report) {}

  /// At most `rounds` rounds, until one finds nothing better; below 0: 4 where
  /// the sum of losses is more than 10% from what is measured, else none. In
  /// each, every tensor is measured in the next coarser and finer format, the
  /// others as chosen, and the best of few allocations that follow from it,
  /// measured themselves, is chosen. Sets the report's measured loss, with no
  /// rounds too.
  mlir::LogicalResult run(int64_t rounds);

private:
  using Choices = std::vector<size_t>;

  mlir::FailureOr<double> measure(const Choices &choices);
  mlir::LogicalResult measureNeighbours(double loss,
                                        support::Progress &progress);
  mlir::FailureOr<bool> take(const Choices &next);
  std::vector<Choices> findExchanges() const;
  mlir::FailureOr<bool> improve(support::Progress &progress);

  LossMeter &meter;
  AllocationReport &report;
  /// The report's problem, losses being what changes from the chosen formats
  /// cost, with one more budget: how many formats change.
  allocation::Problem around;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_ALLOCATIONROUNDS_H
