//===- CompiledModelRunner.cpp - runs models for calibration -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CompiledModelRunner.h"

#include "BlockCompiler.h"
#include "BlockRun.h"
#include "CalibrationWork.h"

#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Support/Progress.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"

#include <optional>

using namespace mlir;
using namespace qnt;

/// What the first of several variants of a model gave, and code for all.
struct qnt::FirstRun {
  CalibrationWork work{"", {}};
  BlockCompiler compiler{work.getFile("code")};
  /// The blocks as text, parameter expressions included: equal texts give equal
  /// results on equal inputs.
  std::vector<std::string> texts;
  std::vector<std::unique_ptr<ActivationStore>> results;
  std::vector<Sample> samples;
  int64_t held = 0;
};

namespace {
/// One run of one model.
class Run {
public:
  /// `firstRun` is null but for variants.
  Run(ModuleOp module, const SampleSet &set, const RunOptions &options,
      RunObserver &observer, const QuantizeBlock &quantizeBlock,
      FirstRun *firstRun)
      : module(module), set(set), options(options), observer(observer),
        quantizeBlock(quantizeBlock), firstRun(firstRun),
        isFirstRun(options.variant == RunOptions::Variant::First) {}

  LogicalResult run();

private:
  LogicalResult start();
  LogicalResult startVariant();
  LogicalResult runBlock(int64_t index, support::Progress &progress);
  LogicalResult runSamples(int64_t index, ModuleOp code, RunObserver *watcher,
                           ActivationStore *after, support::Progress &progress);
  std::unique_ptr<ActivationStore> makeStore(int64_t block);
  int64_t getCost(int64_t block) const;
  InFlightDiagnostic remark() {
    return emitRemark(module.getLoc(), "qnt-calibrate: ");
  }

  ModuleOp module;
  const SampleSet &set;
  const RunOptions &options;
  RunObserver &observer;
  const QuantizeBlock &quantizeBlock;
  FirstRun *firstRun;
  bool isFirstRun;
  std::vector<Sample> samples;
  std::vector<ModelBlock> blocks;
  std::optional<CalibrationWork> work;
  std::optional<BlockCompiler> compiler;
  /// Bytes of activations in memory.
  int64_t held = 0;
  /// Results of the last block that is finished: `before`, or the first run's.
  ActivationStore *inputs = nullptr;
  std::unique_ptr<ActivationStore> before;
  int64_t first = 0;
};
} // namespace

std::unique_ptr<ActivationStore> Run::makeStore(int64_t block) {
  if (isFirstRun)
    return std::make_unique<ActivationStore>(
        firstRun->work.getFile("activations." + std::to_string(block)),
        options.spill, firstRun->held, /*keep=*/false);
  return std::make_unique<ActivationStore>(
      work->getFile("activations." + std::to_string(block)), options.spill,
      held, work->isKept());
}

/// Steps of the progress bar that one sample takes.
int64_t Run::getCost(int64_t block) const {
  return 1 + blocks[block].parameters / 100000;
}

/// Finds what an earlier run left.
LogicalResult Run::start() {
  int64_t wanted = std::min(work->getFinished(), int64_t(blocks.size()) - 1);
  std::string change = work->getChange();
  if (wanted > 0) {
    before = makeStore(wanted - 1);
    try {
      before->restore(samples.size());
    } catch (const support::FileError &error) {
      change = error.what();
      wanted = 0;
    }
  }
  auto taken = observer.start(
      llvm::map_to_vector(blocks, [](ModelBlock &b) { return b.sites; }),
      wanted);
  if (failed(taken))
    return failure();
  if (*taken != wanted)
    change = "its statistics are not whole";
  first = *taken == wanted ? wanted : 0;
  if (first == 0)
    before.reset();
  inputs = before.get();
  if (!change.empty())
    remark() << "starts anew: " << change << ", in '" << options.work << "'";
  else if (first)
    remark() << "goes on after block " << first << " of " << blocks.size()
             << ", from '" << options.work << "'";
  // What is there is of no use once a block is written over.
  if (work->isKept() && first == 0)
    work->setFinished(0);
  return success();
}

/// Finds the blocks that are as they were in the first run.
LogicalResult Run::startVariant() {
  std::vector<std::string> texts;
  for (ModelBlock &block : blocks) {
    texts.emplace_back();
    llvm::raw_string_ostream stream(texts.back());
    block.module->print(stream, OpPrintingFlags().enableDebugInfo(false));
  }
  if (isFirstRun) {
    firstRun->samples = samples;
    firstRun->texts = std::move(texts);
    return success();
  }
  first = std::mismatch(texts.begin(), texts.end(), firstRun->texts.begin(),
                        firstRun->texts.end())
              .first -
          texts.begin();
  // The last one gives what is asked for.
  first = std::min(first, int64_t(firstRun->results.size()) - 1);
  if (first > 0)
    inputs = firstRun->results[first - 1].get();
  return success();
}

/// Runs all samples through the block, as `code` has it.
LogicalResult Run::runSamples(int64_t index, ModuleOp code,
                              RunObserver *watcher, ActivationStore *after,
                              support::Progress &progress) {
  FailureOr<std::string> path =
      (firstRun ? firstRun->compiler : *compiler).compile(code);
  if (failed(path))
    return failure();
  int64_t cost = getCost(index);
  progress.advance(cost);
  BlockRun block(*path, blocks[index], watcher);
  for (size_t i = 0; i < samples.size(); ++i) {
    Activation input;
    if (inputs)
      input = inputs->get(i);
    Activation output = block.call(samples[i], input, set.path);
    if (after) {
      // Whatever is let go makes room for what comes.
      if (before)
        before->release(i);
      after->add(std::move(output));
    }
    progress.advance(cost);
  }
  return success();
}

/// Removes what watches.
static void eraseObservers(ModuleOp module) {
  module.walk([](ObserveOp op) {
    op.getResult().replaceAllUsesWith(op.getInput());
    op.erase();
  });
}

LogicalResult Run::runBlock(int64_t index, support::Progress &progress) {
  ModelBlock &block = blocks[index];
  bool isLast = index + 1 == int64_t(blocks.size());
  std::unique_ptr<ActivationStore> after = makeStore(index);
  OwningOpRef<ModuleOp> plain;
  if (options.sequential && !isLast)
    plain = block.module->clone();
  if (failed(runSamples(index, *block.module, &observer,
                        plain || isLast ? nullptr : after.get(), progress)))
    return failure();
  if (failed(observer.finishBlock(index))) {
    // Another run would see the same.
    work->discard();
    return failure();
  }
  block.module = {};
  if (plain) {
    eraseObservers(*plain);
    std::string tensors = observer.getTensors(index);
    (*plain)->setAttr("qnt.statistics",
                      StringAttr::get(module.getContext(), tensors));
    if (failed(quantizeBlock(*plain)) ||
        failed(runSamples(index, *plain, nullptr, after.get(), progress)))
      return failure();
    (void)llvm::sys::fs::remove(tensors);
  }
  if (work->isKept() && !isLast) {
    after->sync();
    work->setFinished(index + 1);
  }
  inputs = after.get();
  if (isFirstRun) {
    firstRun->results.push_back(std::move(after));
    return success();
  }
  if (before)
    before->remove();
  before = std::move(after);
  return success();
}

LogicalResult Run::run() {
  if (options.sequential && !quantizeBlock)
    return module.emitError("qnt-calibrate: nothing here can quantise blocks: "
                            "sequential is for recipes of quant-opt");
  func::FuncOp entry = findSampleEntry(module);
  if (!entry)
    return module.emitError("the model has no entry point to calibrate: "
                            "expected score, forward or main");
  samples = firstRun && !isFirstRun ? firstRun->samples
                                    : readSamples(module, entry, set);
  Fingerprint fingerprint;
  if (!options.work.empty())
    fingerprint = makeFingerprint(module, set, options);
  work.emplace(options.work, std::move(fingerprint));
  compiler.emplace(work->getFile("code"));
  auto cut = cutIntoBlocks(module, entry, !options.blocks || samples.empty());
  if (failed(cut))
    return failure();
  blocks = std::move(*cut);
  if (failed(firstRun ? startVariant() : start()))
    return failure();
  int64_t total = 0;
  for (int64_t i = first; i < int64_t(blocks.size()); ++i)
    total +=
        getCost(i) * int64_t(samples.size() + 1) * (options.sequential ? 2 : 1);
  support::Progress progress("calibrate", total);
  for (int64_t i = first; i < int64_t(blocks.size()); ++i)
    if (failed(runBlock(i, progress)))
      return failure();
  return success();
}

CompiledModelRunner::CompiledModelRunner() = default;
CompiledModelRunner::~CompiledModelRunner() = default;
CompiledModelRunner::CompiledModelRunner(QuantizeBlock quantizeBlock,
                                         std::string recipe)
    : quantizeBlock(std::move(quantizeBlock)), recipe(std::move(recipe)) {}

LogicalResult CompiledModelRunner::run(ModuleOp module,
                                       const SampleSet &samples,
                                       const RunOptions &options,
                                       RunObserver &observer) {
  RunOptions own = options;
  if (own.sequential)
    own.key += " " + recipe;
  try {
    bool isVariant = options.variant != RunOptions::Variant::None;
    if (options.variant == RunOptions::Variant::First)
      firstRun = std::make_unique<FirstRun>();
    return Run(module, samples, own, observer, quantizeBlock,
               isVariant ? firstRun.get() : nullptr)
        .run();
  } catch (const std::exception &error) {
    return emitError(UnknownLoc::get(module.getContext())) << error.what();
  }
}
