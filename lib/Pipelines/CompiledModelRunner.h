//===- CompiledModelRunner.h - runs models for calibration -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_COMPILEDMODELRUNNER_H
#define QNT_LIB_PIPELINES_COMPILEDMODELRUNNER_H

#include "qnt/Analysis/ModelRunner.h"

namespace qnt {

/// Compiles the model for this machine and runs it over the samples. Text
/// (.txt) is cut into windows for language models and into lines for encoders;
/// .npz arrays are named after the inputs, one sample an index of their first
/// dimension.
class CompiledModelRunner : public ModelRunner {
public:
  mlir::LogicalResult run(mlir::ModuleOp module, const SampleSet &samples,
                          Observer observe) override;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_COMPILEDMODELRUNNER_H
