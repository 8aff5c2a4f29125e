//===- LossMeter.h - what a change of a model costs -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_LOSSMETER_H
#define QNT_LIB_TRANSFORMS_LOSSMETER_H

#include "FormatTrials.h"
#include "LossCache.h"
#include "ModelResults.h"

namespace qnt {

/// How far the results of a model with tensors in other formats are from its
/// own, on samples.
class LossMeter {
public:
  /// Formats by names, as qnt.allocation has them.
  using Formats = std::map<std::string, std::string>;

  /// For logits (findResultKind), a loss is the mean over rows (tokens, images)
  /// of the Kullback-Leibler divergence, in nats, of the changed distribution
  /// from the model's; else the mean of |changed - own|^2 / |own|^2. Nothing
  /// runs yet. Losses come from `cache` where it has them.
  LossMeter(mlir::ModuleOp module, FormatTrials &trials, ModelRunner &runner,
            SampleSet samples, LossCache &cache)
      : module(module), trials(trials), runner(runner),
        samples(std::move(samples)), cache(cache) {}

  /// With what `formats` names simulated in them. Fails where results are not
  /// finite, too: with an error.
  mlir::FailureOr<double> measure(const Formats &formats);
  /// Says that what is measured next is much like the model with these, so that
  /// blocks before the first that differs need not run.
  void expectNear(Formats formats);

private:
  mlir::LogicalResult
  run(mlir::ModuleOp changed, RunOptions::Variant variant,
      llvm::function_ref<void(llvm::ArrayRef<float> row)> visit);
  mlir::LogicalResult start();
  mlir::FailureOr<double> runWith(const Formats &formats,
                                  RunOptions::Variant variant);

  mlir::ModuleOp module;
  FormatTrials &trials;
  ModelRunner &runner;
  SampleSet samples;
  LossCache &cache;
  ResultKind kind = ResultKind::Numbers;
  /// The model's own results; empty: it did not run yet.
  std::vector<float> own;
  /// What first runs are of, and whether there was one.
  Formats base;
  bool isBaseRun = false;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_LOSSMETER_H
