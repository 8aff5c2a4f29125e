//===- MeasuredSensitivity.cpp - losses of the model's results -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sensitivity.h"

#include "qnt/Support/Progress.h"

using namespace mlir;
using namespace qnt;

namespace {
/// Losses are measured in the two formats that change a weight most. They are
/// nearly quadratic in its error from there on, so that those of the others
/// follow by the errors' ratio.
class MeasuredSensitivity : public Sensitivity {
public:
  bool runsModel() const override { return true; }
  LogicalResult
  measure(const SensitivityTask &task,
          MutableArrayRef<std::vector<FormatScore>> scores) override;
};
} // namespace

LogicalResult
MeasuredSensitivity::measure(const SensitivityTask &task,
                             MutableArrayRef<std::vector<FormatScore>> scores) {
  support::Progress progress("sensitivity", task.weights.size() * 2);
  for (auto [weight, ofWeight] : llvm::zip_equal(task.weights, scores)) {
    auto order = llvm::to_vector(llvm::seq<size_t>(0, task.formats.size()));
    llvm::stable_sort(order, [&, &scores = ofWeight](size_t a, size_t b) {
      return scores[a].getError() > scores[b].getError();
    });
    for (size_t rank = 0; rank < order.size(); ++rank) {
      FormatScore &score = ofWeight[order[rank]];
      if (rank < 2) {
        auto loss =
            task.meter->measure({{weight.name, task.formats[order[rank]]}});
        progress.advance();
        if (failed(loss))
          return failure();
        score.loss = *loss;
        continue;
      }
      const FormatScore &coarser = ofWeight[order[1]];
      score.loss = coarser.getError() > 0
                       ? coarser.loss * score.getError() / coarser.getError()
                       : 0;
    }
  }
  return success();
}

std::unique_ptr<Sensitivity> qnt::makeMeasuredSensitivity() {
  return std::make_unique<MeasuredSensitivity>();
}
