//===- FisherSensitivity.cpp - losses by squared gradients -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelGradients.h"

using namespace mlir;
using namespace qnt;

namespace {
/// 1/2 sum F_i e_i^2.
class FisherSensitivity : public Sensitivity {
public:
  bool runsModel() const override { return true; }
  LogicalResult
  measure(const SensitivityTask &task,
          MutableArrayRef<std::vector<FormatScore>> scores) override;

private:
  LogicalResult measurePart(const SensitivityTask &task,
                            ModelGradients &gradients, ArrayRef<size_t> part);
};
} // namespace

LogicalResult FisherSensitivity::measurePart(const SensitivityTask &task,
                                             ModelGradients &gradients,
                                             ArrayRef<size_t> part) {
  std::vector<std::vector<float>> squares;
  std::vector<OpenWeight> weights;
  for (size_t number : part) {
    weights.push_back(task.weights[number]);
    squares.emplace_back(task.weights[number].getSize());
  }
  auto count = gradients.run(part, [&](size_t place, ArrayRef<float> gradient) {
    for (auto [square, g] : llvm::zip_equal(squares[place], gradient))
      square += g * g;
  });
  if (failed(count))
    return failure();
  for (const std::string &format : task.formats) {
    std::vector<double> losses(part.size());
    auto visit = [&](size_t place, ArrayRef<float> own,
                     ArrayRef<float> decoded) {
      for (auto [square, a, b] : llvm::zip_equal(squares[place], own, decoded))
        losses[place] += double(square) * (double(b) - a) * (double(b) - a);
    };
    if (failed(task.trials.visitDecoded(weights, format, visit)))
      return failure();
    for (auto [weight, loss] : llvm::zip_equal(weights, losses))
      task.cache.add(weight.name, format, loss / 2 / *count);
  }
  return success();
}

LogicalResult
FisherSensitivity::measure(const SensitivityTask &task,
                           MutableArrayRef<std::vector<FormatScore>> scores) {
  auto parts = cutIntoParts(task, [&](const OpenWeight &weight) {
    return llvm::all_of(task.formats, [&](const std::string &format) {
      return task.cache.find(weight.name, format);
    });
  });
  ModelGradients gradients(task, GradientDraw::Labels, 1, parts.size());
  for (ArrayRef<size_t> part : parts)
    if (failed(measurePart(task, gradients, part)))
      return failure();
  for (auto [weight, ofWeight] : llvm::zip_equal(task.weights, scores))
    for (auto [format, score] : llvm::zip_equal(task.formats, ofWeight))
      score.loss = *task.cache.find(weight.name, format);
  return success();
}

std::unique_ptr<Sensitivity> qnt::makeFisherSensitivity() {
  return std::make_unique<FisherSensitivity>();
}
