//===- StatisticsCollector.cpp - statistics of a run -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "StatisticsCollector.h"

#include "StatisticsTensors.h"

#include "qnt/Support/AtomicFile.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace qnt;
using params::SafeTensorsWriter;

StatisticsCollector::~StatisticsCollector() {
  if (!writer || isAnyFinished || isComplete)
    return;
  writer.reset();
  (void)llvm::sys::fs::remove(
      support::AtomicFile::getUnfinishedPath(options.tensors));
}

InFlightDiagnostic StatisticsCollector::error() {
  return module.emitError("qnt-calibrate: ") << options.samples << ": ";
}

std::string StatisticsCollector::getBlockFile(int64_t block) const {
  return options.work + "/block." + std::to_string(block) + ".json";
}

/// Of the first `count` blocks.
std::vector<SafeTensorsWriter::Entry>
StatisticsCollector::getEntries(int64_t count) {
  std::vector<SafeTensorsWriter::Entry> entries;
  for (const BlockSites &sites : ArrayRef(blocks).take_front(count))
    for (const RunSite &site : sites)
      addStatisticsEntries(entries, site.name, site.features,
                           options.moments.lookup(site.name));
  return entries;
}

static bool isDynamic(const RunSite &site) {
  return ShapedType::isDynamic(site.features);
}

void StatisticsCollector::openTensors(int64_t finished) {
  using Kind = SafeTensorsWriter::Kind;
  writer = std::make_unique<SafeTensorsWriter>(
      options.tensors, getEntries(int64_t(blocks.size())),
      getStatisticsMetadata(),
      options.work.empty() ? Kind::Durable : Kind::Resumable,
      getEntries(finished).size());
}

int64_t StatisticsCollector::restore(int64_t finished) {
  if (!options.tensors.empty() && finished &&
      !SafeTensorsWriter::canResume(options.tensors,
                                    getEntries(int64_t(blocks.size())),
                                    getStatisticsMetadata()))
    return 0;
  for (int64_t block = 0; block < finished; ++block) {
    if (!llvm::sys::fs::exists(getBlockFile(block))) {
      statistics.clear();
      return 0;
    }
    statistics.merge(StatisticsFile::read(getBlockFile(block)));
  }
  return finished;
}

FailureOr<int64_t> StatisticsCollector::start(ArrayRef<BlockSites> given,
                                              int64_t finished) {
  blocks.assign(given.begin(), given.end());
  bool isKnown = llvm::none_of(blocks, [](const BlockSites &sites) {
    return llvm::any_of(sites, isDynamic);
  });
  if (!options.tensors.empty() && !isKnown)
    return 0;
  finished = restore(finished);
  isAnyFinished = finished > 0;
  if (!options.tensors.empty())
    openTensors(finished);
  return finished;
}

void StatisticsCollector::observe(StringRef site, ArrayRef<float> values,
                                  int64_t features) {
  if (!options.channelsOnly.contains(site) &&
      !statistics[site.str()].add(values)) {
    bad = bad.empty() ? site.str() : bad;
    return;
  }
  if (!options.tensors.empty())
    channels.try_emplace(site.str(), features, options.moments.lookup(site))
        .first->second.add(values);
}

std::string StatisticsCollector::getTensors(int64_t block) {
  return options.work + "/tensors." + std::to_string(block) + ".safetensors";
}

/// A file of this block alone.
void StatisticsCollector::writeTensors(int64_t block) {
  std::vector<SafeTensorsWriter::Entry> entries;
  for (const RunSite &site : blocks[block])
    addStatisticsEntries(entries, site.name, site.features,
                         options.moments.lookup(site.name));
  SafeTensorsWriter own(getTensors(block), std::move(entries),
                        getStatisticsMetadata(),
                        SafeTensorsWriter::Kind::Temporary);
  for (const RunSite &site : blocks[block])
    writeStatisticsTensors(own, channels.at(site.name));
  own.finish();
}

LogicalResult StatisticsCollector::finishBlock(int64_t block) {
  // Another run would see the same.
  auto refuse = [&] {
    isAnyFinished = false;
    return error();
  };
  if (!bad.empty())
    return refuse() << "a value at '" << bad
                    << "' is NaN or infinite when the model runs on it";
  StatisticsMap own;
  for (const RunSite &site : blocks[block]) {
    if (options.channelsOnly.contains(site.name) && channels.count(site.name))
      continue;
    auto found = statistics.find(site.name);
    if (found == statistics.end() || !found->second.getCount())
      return refuse() << "nothing was seen at '" << site.name << "'";
    own.insert(*found);
  }
  if (options.sequential)
    writeTensors(block);
  for (RunSite &site : blocks[block]) {
    auto seen = channels.find(site.name);
    if (seen == channels.end())
      continue;
    site.features = seen->second.getFeatures();
    if (!writer)
      continue;
    writeStatisticsTensors(*writer, seen->second);
    channels.erase(seen);
  }
  if (options.work.empty())
    return success();
  isAnyFinished = true;
  if (writer)
    writer->flush();
  if (writer || options.tensors.empty())
    StatisticsFile::write(getBlockFile(block), own);
  return success();
}

void StatisticsCollector::finish() {
  if (options.tensors.empty())
    return;
  if (!writer) {
    options.work.clear();
    openTensors(0);
    for (const BlockSites &sites : blocks)
      for (const RunSite &site : sites)
        writeStatisticsTensors(*writer, channels.at(site.name));
  }
  writer->finish();
  isComplete = true;
}
