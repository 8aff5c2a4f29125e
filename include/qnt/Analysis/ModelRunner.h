//===- ModelRunner.h - a way to run a model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_MODELRUNNER_H
#define QNT_ANALYSIS_MODELRUNNER_H

#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// What a model is run on.
struct SampleSet {
  /// A text file for language models, or .npz with arrays named after inputs.
  std::string path;
  /// How many samples to take; all where there are fewer.
  int64_t count = 0;
  /// Of the choice among more.
  uint64_t seed = 0;
};

/// Runs models for passes, which see neither targets nor runtimes.
class ModelRunner {
public:
  /// `values` are whole rows, of `features` numbers, of the tensor that passes
  /// the qnt.observe of that site: its last dimension.
  using Observer = llvm::function_ref<void(
      llvm::StringRef site, llvm::ArrayRef<float> values, int64_t features)>;

  virtual ~ModelRunner();

  /// Runs an entry point of `module`, in floating point, over the samples, and
  /// reports what passes each qnt.observe, from one thread at a time. May
  /// change the module. Failures have been emitted as errors that name the
  /// file.
  virtual mlir::LogicalResult
  run(mlir::ModuleOp module, const SampleSet &samples, Observer observe) = 0;
};

} // namespace qnt

#endif // QNT_ANALYSIS_MODELRUNNER_H
