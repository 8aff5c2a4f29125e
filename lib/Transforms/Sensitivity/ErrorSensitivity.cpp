//===- ErrorSensitivity.cpp - errors of weights and of outputs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sensitivity.h"

using namespace mlir;
using namespace qnt;

namespace {
/// Relative errors of weights, or of the outputs of their layers.
class ErrorSensitivity : public Sensitivity {
public:
  explicit ErrorSensitivity(bool ofOutputs) : ofOutputs(ofOutputs) {}

  bool runsModel() const override { return false; }

  LogicalResult
  measure(const SensitivityTask &task,
          MutableArrayRef<std::vector<FormatScore>> scores) override {
    for (auto [weight, ofWeight] : llvm::zip_equal(task.weights, scores))
      for (FormatScore &score : ofWeight) {
        if (ofOutputs && !score.error.output)
          return task.error()
                 << "metric=output: no second moment of the input of '"
                 << weight.layer
                 << "'; run qnt-calibrate with tensors= and moments";
        score.loss = ofOutputs ? *score.error.output : score.error.relative;
      }
    return success();
  }

private:
  bool ofOutputs;
};
} // namespace

std::unique_ptr<Sensitivity> qnt::makeErrorSensitivity(bool ofOutputs) {
  return std::make_unique<ErrorSensitivity>(ofOutputs);
}
