//===- ModelGradients.h - gradients of a model on samples -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_SENSITIVITY_MODELGRADIENTS_H
#define QNT_LIB_TRANSFORMS_SENSITIVITY_MODELGRADIENTS_H

#include "CotangentDraws.h"
#include "Sensitivity.h"

#include "../ModelResults.h"

#include "qnt/Support/Progress.h"

namespace qnt {

/// The gradients whose mean square is the second derivative of what
/// metric=loss measures (docs/allocation.md, Losses from gradients).
class ModelGradients {
public:
  /// `draws` for each sample. Progress is of `parts` runs. Nothing runs yet.
  ModelGradients(const SensitivityTask &task, GradientDraw draw, int64_t draws,
                 int64_t parts);

  /// `place` counts from 0 within the part.
  using Visit =
      llvm::function_ref<void(size_t place, llvm::ArrayRef<float> gradient)>;
  /// For each sample and draw, the gradient with respect to each of the task's
  /// weights that `part` names by its numbers. Answers the number to divide the
  /// sum of their squares by, above 0. Failures have been emitted as errors.
  mlir::FailureOr<double> run(llvm::ArrayRef<size_t> part, Visit visit);

private:
  mlir::LogicalResult start();
  mlir::FailureOr<std::unique_ptr<LoadedFunction>>
  load(llvm::ArrayRef<size_t> part, std::vector<std::string> &names);
  mlir::FailureOr<std::vector<int64_t>>
  getResultShape(const LoadedFunction &function, const NamedTensors &sample);
  /// Sets the argument that decides what the gradient is of, and answers the
  /// rows that count. Takes the sample's results off `own` after the last draw.
  mlir::FailureOr<double> setTarget(const LoadedFunction &function,
                                    size_t sample, int64_t draw,
                                    llvm::ArrayRef<float> &own);

  const SensitivityTask &task;
  mlir::ModuleOp module;
  GradientDraw draw;
  int64_t draws;
  ResultKind kind;
  /// Whether the loss is the cross entropy of the text's next tokens.
  bool isOfTokens;
  support::Progress progress;
  bool isStarted = false;
  std::vector<NamedTensors> samples;
  /// The results of all samples, rows after rows; none for tokens.
  std::vector<float> results;
};

/// The numbers of those weights of the task for which `isKnown` does not hold,
/// in parts of no more elements than the task says, or of one weight.
std::vector<std::vector<size_t>>
cutIntoParts(const SensitivityTask &task,
             llvm::function_ref<bool(const OpenWeight &)> isKnown);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_SENSITIVITY_MODELGRADIENTS_H
