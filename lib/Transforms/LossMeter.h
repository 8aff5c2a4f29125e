//===- LossMeter.h - what a change of a model costs -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_LOSSMETER_H
#define QNT_LIB_TRANSFORMS_LOSSMETER_H

#include "qnt/Analysis/ModelRunner.h"

namespace qnt {

/// How far the results of changed models are from a model's own, on samples.
class LossMeter {
public:
  enum class Kind {
    /// The mean over rows (tokens, images) of the Kullback-Leibler divergence,
    /// in nats, of the changed distribution from the model's; rows are logits.
    Divergence,
    /// The mean over rows of |changed - own|^2 / |own|^2.
    SquaredError
  };

  /// Divergence for causal language models and classifiers of images
  /// (convolutions, results of rank 2), whose softmax, where the model ends in
  /// one, is taken off; else SquaredError.
  LossMeter(ModelRunner &runner, SampleSet samples)
      : runner(runner), samples(std::move(samples)) {}

  /// Runs the model itself; comes first. Holds its results in memory.
  mlir::LogicalResult start(mlir::ModuleOp module);
  bool isStarted() const { return !own.empty(); }
  /// Runs `module`, the model but for some numbers, and changes it. With
  /// `isFirst`, later runs start at the first block in which they differ from
  /// this one; else from the model itself. Fails where results are not finite,
  /// too: with an error.
  mlir::FailureOr<double> measure(mlir::ModuleOp module, bool isFirst = false);
  Kind getKind() const { return kind; }

private:
  mlir::LogicalResult run(mlir::ModuleOp module, RunOptions::Variant variant,
                          RunObserver &observer);

  ModelRunner &runner;
  SampleSet samples;
  Kind kind = Kind::SquaredError;
  std::vector<float> own;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_LOSSMETER_H
