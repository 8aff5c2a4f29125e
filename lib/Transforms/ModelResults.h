//===- ModelResults.h - what a model returns --------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_MODELRESULTS_H
#define QNT_LIB_TRANSFORMS_MODELRESULTS_H

#include "qnt/Analysis/ModelRunner.h"

namespace qnt {

/// What rows of the first result of a model's entry points are.
enum class ResultKind { Logits, Numbers };

/// Logits for causal language models and classifiers of images (convolutions,
/// results of rank 2).
ResultKind findResultKind(mlir::ModuleOp module);

/// Makes entry points whose first result a softmax gives return what that
/// takes.
void dropFinalSoftmax(mlir::ModuleOp module);

/// Runs `module`, which it changes, and hands on the rows of the first result
/// of its entry point, sample after sample.
mlir::LogicalResult
runForResults(ModelRunner &runner, mlir::ModuleOp module,
              const SampleSet &samples, const RunOptions &options,
              llvm::function_ref<void(llvm::ArrayRef<float> row)> visit);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_MODELRESULTS_H
