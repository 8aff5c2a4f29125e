//===- Sensitivity.h - what weights lose by being quantised -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_SENSITIVITY_SENSITIVITY_H
#define QNT_LIB_TRANSFORMS_SENSITIVITY_SENSITIVITY_H

#include "../AllocationReport.h"
#include "../LossMeter.h"

#include "qnt/Transforms/Passes.h"

namespace qnt {

/// What losses are measured of, and with what.
struct SensitivityTask {
  mlir::ModuleOp module;
  FormatTrials &trials;
  const TransformServices &services;
  SampleSet samples;
  llvm::ArrayRef<OpenWeight> weights;
  llvm::ArrayRef<std::string> formats;
  /// Of this metric.
  LossCache &cache;
  /// On these samples; null where the metric runs no model.
  LossMeter *meter;
  /// Draws for a sample of metric=trace.
  int64_t probes;
  /// Elements of weights whose gradients are held at once.
  int64_t elements;

  mlir::InFlightDiagnostic error() const {
    return module->emitError("qnt-allocate: ");
  }
};

/// A metric of what each weight loses in each format (docs/allocation.md).
class Sensitivity {
public:
  virtual ~Sensitivity();

  /// Whether it needs samples, and services that run models.
  virtual bool runsModel() const = 0;
  /// What of the options, beside samples, its losses depend on.
  virtual std::string getKey(int64_t probes) const { return {}; }
  /// Sets the losses of `scores` [weights][formats], whose errors are known.
  /// Failures have been emitted as errors; support::FileError and
  /// params::ParamsError may be thrown.
  virtual mlir::LogicalResult
  measure(const SensitivityTask &task,
          llvm::MutableArrayRef<std::vector<FormatScore>> scores) = 0;
};

/// Of one of getSensitivityNames(); null for other names.
std::unique_ptr<Sensitivity> makeSensitivity(llvm::StringRef name);

// What they are made of, each in a file of its own.
std::unique_ptr<Sensitivity> makeMeasuredSensitivity();
std::unique_ptr<Sensitivity> makeFisherSensitivity();
std::unique_ptr<Sensitivity> makeTraceSensitivity();
std::unique_ptr<Sensitivity> makeErrorSensitivity(bool ofOutputs);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_SENSITIVITY_SENSITIVITY_H
