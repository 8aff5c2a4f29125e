//===- StatisticsCollector.h - statistics of a run -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_STATISTICSCOLLECTOR_H
#define QNT_LIB_TRANSFORMS_STATISTICSCOLLECTOR_H

#include "qnt/Analysis/ChannelStatistics.h"
#include "qnt/Analysis/ModelRunner.h"
#include "qnt/Analysis/RangeStatistics.h"
#include "qnt/Params/SafeTensors.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace qnt {

/// Collects the statistics of the sites of a run. Those of channels go into
/// their file block by block, and none are held once a block is finished.
class StatisticsCollector : public RunObserver {
public:
  struct Options {
    /// Of the samples, for messages.
    std::string samples;
    /// The file for statistics of channels; empty: none are collected.
    std::string tensors;
    /// Of which sites second moments belong to them, and which.
    llvm::StringMap<MomentLayout> moments;
    /// Sites without a range.
    llvm::StringSet<> channelsOnly;
    /// RunOptions::work and RunOptions::sequential.
    std::string work;
    bool sequential = false;
  };
  StatisticsCollector(mlir::ModuleOp module, Options options)
      : module(module), options(std::move(options)) {}
  /// Removes what no later run can use.
  ~StatisticsCollector() override;

  mlir::FailureOr<int64_t> start(llvm::ArrayRef<BlockSites> blocks,
                                 int64_t finished) override;
  void observe(llvm::StringRef site, llvm::ArrayRef<float> values,
               int64_t features) override;
  mlir::LogicalResult finishBlock(int64_t block) override;
  std::string getTensors(int64_t block) override;

  /// After the run: completes the file of tensors. Throws params::ParamsError.
  void finish();
  const StatisticsMap &getStatistics() const { return statistics; }

private:
  std::string getBlockFile(int64_t block) const;
  /// Reads what blocks left; how many of them are whole.
  int64_t restore(int64_t finished);
  void openTensors(int64_t finished);
  void writeTensors(int64_t block);
  std::vector<params::SafeTensorsWriter::Entry> getEntries(int64_t blocks);
  mlir::InFlightDiagnostic error();

  mlir::ModuleOp module;
  Options options;
  std::vector<BlockSites> blocks;
  StatisticsMap statistics;
  ChannelStatisticsMap channels;
  bool isAnyFinished = false, isComplete = false;
  /// A site at which a value was NaN or infinite.
  std::string bad;
  /// Null where the widths of sites are known at the end alone.
  std::unique_ptr<params::SafeTensorsWriter> writer;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_STATISTICSCOLLECTOR_H
