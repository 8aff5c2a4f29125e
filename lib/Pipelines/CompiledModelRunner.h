//===- CompiledModelRunner.h - runs models for calibration -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_COMPILEDMODELRUNNER_H
#define QNT_LIB_PIPELINES_COMPILEDMODELRUNNER_H

#include "qnt/Analysis/ModelRunner.h"

#include <functional>

namespace qnt {

/// Quantises a module by the statistics that its qnt.statistics names.
using QuantizeBlock = std::function<mlir::LogicalResult(mlir::ModuleOp)>;

struct FirstRun;

/// Compiles one block after the other for this machine and runs it over the
/// samples (Samples.h says what these can be). Parameters are evaluated block
/// by block from their file, and mapped.
class CompiledModelRunner : public ModelRunner {
public:
  CompiledModelRunner();
  ~CompiledModelRunner() override;
  /// `quantizeBlock` is for RunOptions::sequential; `recipe` says all that it
  /// depends on.
  CompiledModelRunner(QuantizeBlock quantizeBlock, std::string recipe);

  mlir::LogicalResult run(mlir::ModuleOp module, const SampleSet &samples,
                          const RunOptions &options,
                          RunObserver &observer) override;

private:
  QuantizeBlock quantizeBlock;
  std::string recipe;
  /// Of RunOptions::Variant.
  std::unique_ptr<FirstRun> firstRun;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_COMPILEDMODELRUNNER_H
