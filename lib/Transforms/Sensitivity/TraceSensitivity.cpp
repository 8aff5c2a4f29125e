//===- TraceSensitivity.cpp - losses by traces of Hessians -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelGradients.h"

using namespace mlir;
using namespace qnt;

/// What traces are called in the cache, in the place of a format.
static constexpr const char *traceName = "trace";

namespace {
/// Tr(H) / 2n sum e^2 (HAWQ-V2).
class TraceSensitivity : public Sensitivity {
public:
  bool runsModel() const override { return true; }
  std::string getKey(int64_t probes) const override {
    return " probes=" + std::to_string(probes);
  }
  LogicalResult
  measure(const SensitivityTask &task,
          MutableArrayRef<std::vector<FormatScore>> scores) override;
};
} // namespace

LogicalResult
TraceSensitivity::measure(const SensitivityTask &task,
                          MutableArrayRef<std::vector<FormatScore>> scores) {
  auto parts = cutIntoParts(task, [&](const OpenWeight &weight) {
    return task.cache.find(weight.name, traceName).has_value();
  });
  ModelGradients gradients(task, GradientDraw::Signs, task.probes,
                           parts.size());
  for (ArrayRef<size_t> part : parts) {
    std::vector<double> traces(part.size());
    auto count =
        gradients.run(part, [&](size_t place, ArrayRef<float> gradient) {
          for (float g : gradient)
            traces[place] += double(g) * g;
        });
    if (failed(count))
      return failure();
    for (auto [number, trace] : llvm::zip_equal(part, traces))
      task.cache.add(task.weights[number].name, traceName, trace / *count);
  }
  for (auto [weight, ofWeight] : llvm::zip_equal(task.weights, scores)) {
    double mean =
        *task.cache.find(weight.name, traceName) / double(weight.getSize());
    for (FormatScore &score : ofWeight)
      score.loss = mean / 2 * score.error.square;
  }
  return success();
}

std::unique_ptr<Sensitivity> qnt::makeTraceSensitivity() {
  return std::make_unique<TraceSensitivity>();
}
