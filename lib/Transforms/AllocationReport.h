//===- AllocationReport.h - what formats were chosen from -------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_ALLOCATIONREPORT_H
#define QNT_LIB_TRANSFORMS_ALLOCATIONREPORT_H

#include "FormatTrials.h"
#include "OpenValues.h"
#include "WeightPictures.h"

#include "qnt/Allocation/Problem.h"

namespace qnt {

/// A weight in one format.
struct FormatScore {
  double bits = 0;
  /// As the target stores it.
  double bytes = 0;
  double loss = 0;
  /// Of the layer, where there is a budget of time.
  std::optional<double> seconds;
  WeightError error;

  /// Of outputs, where their second moments are known.
  double getError() const { return error.output.value_or(error.relative); }
};

/// All that an allocation was chosen from, and what was chosen.
struct AllocationReport {
  std::string metric;
  std::vector<std::string> formats;
  std::vector<OpenWeight> weights;
  /// [weights][formats]
  std::vector<std::vector<FormatScore>> scores;
  std::vector<OpenValue> values;
  std::vector<WeightPicture> pictures;
  allocation::Problem problem;
  allocation::Allocation chosen;
  /// The loss of what was chosen, all weights together.
  std::optional<double> measured;
  /// For each budget, allocations from the least that any takes of it to what
  /// the one of least loss takes.
  std::vector<std::vector<allocation::Allocation>> fronts;

  /// The items of the problem that are tensors: weights, then values.
  size_t countOpen() const { return weights.size() + values.size(); }
  /// What qnt.allocation says for choices of all items.
  std::map<std::string, std::string>
  getFormats(llvm::ArrayRef<size_t> choices) const;

  /// As JSON (docs/allocation.md). Throws support::FileError.
  void write(const std::string &path) const;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_ALLOCATIONREPORT_H
