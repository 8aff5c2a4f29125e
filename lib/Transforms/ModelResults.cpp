//===- ModelResults.cpp - what a model returns -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelResults.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ModelParts.h"
#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qnt;

static constexpr StringLiteral resultSite = "result";

namespace {
/// Hands on the rows of results.
class ResultObserver : public RunObserver {
public:
  using Visit = function_ref<void(ArrayRef<float> row)>;
  explicit ResultObserver(Visit visit) : visit(visit) {}

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

/// What ends each entry point that returns something.
static SmallVector<func::ReturnOp> findReturns(ModuleOp module) {
  SmallVector<func::ReturnOp> returns;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isDeclaration())
      continue;
    auto terminator = cast<func::ReturnOp>(function.front().getTerminator());
    if (terminator.getNumOperands() > 0)
      returns.push_back(terminator);
  }
  return returns;
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

ResultKind qnt::findResultKind(ModuleOp module) {
  bool isClassifier = llvm::any_of(module.getOps<func::FuncOp>(), givesScores);
  return isClassifier || isLanguageModel(module) ? ResultKind::Logits
                                                 : ResultKind::Numbers;
}

void qnt::dropFinalSoftmax(ModuleOp module) {
  for (func::ReturnOp terminator : findReturns(module))
    if (auto softmax = terminator.getOperand(0).getDefiningOp<nn::SoftmaxOp>())
      terminator.setOperand(0, softmax.getInput());
}

/// Observes the first result of every entry point.
static LogicalResult observeResults(ModuleOp module) {
  bool isFound = false;
  for (func::ReturnOp terminator : findReturns(module)) {
    Value result = terminator.getOperand(0);
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

LogicalResult
qnt::runForResults(ModelRunner &runner, ModuleOp module,
                   const SampleSet &samples, const RunOptions &options,
                   function_ref<void(ArrayRef<float> row)> visit) {
  ResultObserver observer(visit);
  if (failed(observeResults(module)))
    return failure();
  return runner.run(module, samples, options, observer);
}
