//===- LossMeter.cpp - what a change of a model costs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LossMeter.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ModelParts.h"
#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <cmath>
#include <functional>

using namespace mlir;
using namespace qnt;

static constexpr StringLiteral resultSite = "result";

namespace {
/// Hands on the rows of results.
class ResultObserver : public RunObserver {
public:
  using Visit = std::function<void(ArrayRef<float> row)>;
  explicit ResultObserver(Visit visit) : visit(std::move(visit)) {}

  FailureOr<int64_t> start(ArrayRef<BlockSites> blocks,
                           int64_t finished) override {
    return 0;
  }
  void observe(StringRef site, ArrayRef<float> values,
               int64_t features) override {
    for (; !values.empty(); values = values.drop_front(features))
      visit(values.take_front(features));
  }
  LogicalResult finishBlock(int64_t block) override { return success(); }

private:
  Visit visit;
};
} // namespace

/// What the softmax at the end of a model takes; other results themselves.
static Value getLogits(Value result) {
  auto softmax = result.getDefiningOp<nn::SoftmaxOp>();
  return softmax ? softmax.getInput() : result;
}

/// Observes the first result of every entry point.
static LogicalResult observeResults(ModuleOp module, bool areLogits) {
  bool isFound = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isDeclaration())
      continue;
    auto terminator = cast<func::ReturnOp>(function.front().getTerminator());
    if (terminator.getNumOperands() == 0)
      continue;
    Value result = terminator.getOperand(0);
    if (areLogits)
      result = getLogits(result);
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || !type.getElementType().isF32() || type.getRank() == 0)
      continue;
    OpBuilder builder(module.getContext());
    builder.setInsertionPointAfterValue(result);
    ObserveOp::create(builder, result.getLoc(), type, result, resultSite);
    isFound = true;
  }
  if (isFound)
    return success();
  return module.emitError("no entry point returns f32 numbers whose change "
                          "could be measured");
}

LogicalResult LossMeter::run(ModuleOp module, RunOptions::Variant variant,
                             RunObserver &observer) {
  if (failed(observeResults(module, kind == Kind::Divergence)))
    return failure();
  RunOptions options;
  options.variant = variant;
  return runner.run(module, samples, options, observer);
}

/// Whether the function is a network of convolutions with a row of results for
/// each image.
static bool givesScores(func::FuncOp function) {
  if (!function.isPublic() || !hasConvolutions(function) ||
      function.getNumResults() == 0)
    return false;
  auto type = dyn_cast<RankedTensorType>(function.getResultTypes().front());
  return type && type.getRank() == 2;
}

LogicalResult LossMeter::start(ModuleOp module) {
  bool isClassifier = llvm::any_of(module.getOps<func::FuncOp>(), givesScores);
  if (isClassifier || isLanguageModel(module))
    kind = Kind::Divergence;
  OwningOpRef<ModuleOp> copy(module.clone());
  own.clear();
  ResultObserver observer(
      [&](ArrayRef<float> row) { llvm::append_range(own, row); });
  return run(*copy, RunOptions::Variant::First, observer);
}

/// The Kullback-Leibler divergence of softmax(b) from softmax(a), in nats.
static double getDivergence(ArrayRef<float> a, ArrayRef<float> b) {
  auto getNormalizer = [](ArrayRef<float> logits) {
    double largest = *llvm::max_element(logits), sum = 0;
    for (float logit : logits)
      sum += std::exp(logit - largest);
    return largest + std::log(sum);
  };
  double za = getNormalizer(a), zb = getNormalizer(b), divergence = 0;
  for (auto [x, y] : llvm::zip_equal(a, b))
    divergence += std::exp(x - za) * ((x - za) - (y - zb));
  return std::max(divergence, 0.0);
}

static double getSquaredError(ArrayRef<float> a, ArrayRef<float> b) {
  double error = 0, square = 0;
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    error += (double(x) - y) * (double(x) - y);
    square += double(x) * x;
  }
  return square > 0 ? error / square : error;
}

FailureOr<double> LossMeter::measure(ModuleOp module, bool isFirst) {
  ArrayRef<float> rest = own;
  double sum = 0;
  int64_t rows = 0;
  ResultObserver observer([&](ArrayRef<float> row) {
    ArrayRef<float> before = rest.take_front(row.size());
    rest = rest.drop_front(row.size());
    sum += kind == Kind::Divergence ? getDivergence(before, row)
                                    : getSquaredError(before, row);
    ++rows;
  });
  auto variant =
      isFirst ? RunOptions::Variant::First : RunOptions::Variant::Later;
  if (failed(run(module, variant, observer)))
    return failure();
  double mean = rows ? sum / double(rows) : 0;
  if (!std::isfinite(mean))
    return module.emitError("results are not finite");
  return mean;
}
