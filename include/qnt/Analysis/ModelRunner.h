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

/// How a model is run (docs/calibration.md, Block by block).
struct RunOptions {
  /// Whether the model may run in parts.
  bool blocks = true;
  /// Bytes of activations between blocks that are held in memory; those beyond
  /// lie in a file.
  int64_t spill = int64_t(1) << 30;
  /// Whether a block takes what the blocks before it give once they are
  /// quantised by their own statistics.
  bool sequential = false;
  /// Of runs of many variants of a model on the same samples: what the first
  /// gave is kept by the runner until another first one, and where blocks are
  /// as they were then up to some, later ones start there. No `work`;
  /// RunObserver::start is not called, and nothing is observed in blocks that
  /// do not run.
  enum class Variant { None, First, Later };
  Variant variant = Variant::None;
  /// The folder that keeps finished blocks for a run that is interrupted; none
  /// where empty. It is the caller's to remove when it has what it wants.
  std::string work;
  /// What else than model and samples the observer's files in it depend on.
  std::string key;
};

/// One qnt.observe's site, and the last dimension of what passes it.
struct RunSite {
  std::string name;
  /// ShapedType::kDynamic where it is known only when the model runs.
  int64_t features = 0;
};

/// The sites of one block, each once, in the order in which they are met.
using BlockSites = llvm::SmallVector<RunSite>;

/// What a run reports to. Nothing here is called from two threads at a time.
/// Failures have been emitted as errors; support::FileError and
/// params::ParamsError may be thrown, but not by `observe`.
class RunObserver {
public:
  virtual ~RunObserver();
  /// Comes first. An earlier run, with a start of the same blocks, finished the
  /// first `finished` of them; answers how many of these the observer still
  /// has.
  virtual mlir::FailureOr<int64_t> start(llvm::ArrayRef<BlockSites> blocks,
                                         int64_t finished) = 0;
  /// `values` are whole rows, of `features` numbers, of the tensor that passes
  /// the qnt.observe of that site: its last dimension.
  virtual void observe(llvm::StringRef site, llvm::ArrayRef<float> values,
                       int64_t features) = 0;
  /// All samples have passed the block; what was observed at its sites is
  /// complete.
  virtual mlir::LogicalResult finishBlock(int64_t block) = 0;
  /// In sequential runs, a file for qnt.statistics of what was observed in a
  /// finished block.
  virtual std::string getTensors(int64_t block) { return {}; }
};

/// Runs models for passes, which see neither targets nor runtimes.
class ModelRunner {
public:
  virtual ~ModelRunner();

  /// Runs an entry point of `module`, in floating point, over the samples,
  /// block after block, and reports what passes each qnt.observe. May change
  /// the module. Failures have been emitted as errors that name the file.
  virtual mlir::LogicalResult run(mlir::ModuleOp module,
                                  const SampleSet &samples,
                                  const RunOptions &options,
                                  RunObserver &observer) = 0;
};

/// The sites of all qnt.observe below `op`.
BlockSites collectObservedSites(mlir::Operation *op);

} // namespace qnt

#endif // QNT_ANALYSIS_MODELRUNNER_H
