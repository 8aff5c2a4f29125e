//===- FunctionRunner.h - a way to call functions ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_FUNCTIONRUNNER_H
#define QNT_ANALYSIS_FUNCTIONRUNNER_H

#include "qnt/Analysis/ModelRunner.h"
#include "qnt/Support/Npy.h"

namespace qnt {

/// Tensors by their names.
using NamedTensors = std::map<std::string, support::NpyArray>;

/// A function, compiled and loaded.
class LoadedFunction {
public:
  virtual ~LoadedFunction();

  /// The shape that the argument of this name has in a call with `others`; 0
  /// for sizes that they do not say. Empty where there is no such argument.
  virtual std::vector<int64_t> getShape(const std::string &name,
                                        const NamedTensors &others) const = 0;

  /// Calls it with `arguments`, each of the type and shape that the function
  /// wants; those that it does not have are passed over. Writes its results,
  /// which must be f32. Failures have been emitted as errors.
  virtual mlir::LogicalResult call(const NamedTensors &arguments,
                                   NamedTensors &results) = 0;
};

/// Calls functions that passes write, for passes, which see neither targets nor
/// runtimes.
class FunctionRunner {
public:
  virtual ~FunctionRunner();

  /// Each sample as the tensors of the inputs of the entry point of `model`
  /// that ModelRunner::run runs, in the order in which it runs them; with those
  /// arrays of an .npz file that `others` names, where it has them. Failures
  /// have been emitted as errors that name the file.
  virtual mlir::FailureOr<std::vector<NamedTensors>>
  readSamples(mlir::ModuleOp model, const SampleSet &samples,
              llvm::ArrayRef<std::string> others) = 0;

  /// Compiles `module`, which changes, and loads its public function of that
  /// name. Failures have been emitted as errors.
  virtual mlir::FailureOr<std::unique_ptr<LoadedFunction>>
  load(mlir::ModuleOp module, llvm::StringRef function) = 0;
};

} // namespace qnt

#endif // QNT_ANALYSIS_FUNCTIONRUNNER_H
