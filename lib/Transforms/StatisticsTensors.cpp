//===- StatisticsTensors.cpp - statistics as parameters -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "StatisticsTensors.h"

#include "qnt/Analysis/ParamExpressions.h"

using namespace mlir;
using namespace qnt;
using params::DType;
using params::ParamsError;

static constexpr const char *formatName = "qnt-statistics-tensors";
static constexpr const char *formatVersion = "1";

std::string qnt::getSecondMomentName(StringRef site) {
  return getChannelStatisticName(site, "second_moment");
}

std::string qnt::getChannelStatisticName(StringRef site, StringRef kind) {
  return (statisticsPrefix + site + "/" + kind).str();
}

using Getter = std::vector<float> (*)(const ChannelStatistics &);
static constexpr std::pair<const char *, Getter> kinds[] = {
    {"absmax", [](const auto &s) { return s.getAbsMax().vec(); }},
    {"absmean", [](const auto &s) { return s.getAbsMean(); }},
    {"kurtosis", [](const auto &s) { return s.getKurtosis(); }},
    {"max", [](const auto &s) { return s.getMax().vec(); }},
    {"mean", [](const auto &s) { return s.getMean(); }},
    {"min", [](const auto &s) { return s.getMin().vec(); }},
};

void qnt::addStatisticsEntries(
    std::vector<params::SafeTensorsWriter::Entry> &entries, StringRef site,
    int64_t features, const MomentLayout &moments) {
  for (const auto &[kind, get] : kinds)
    entries.push_back(
        {getChannelStatisticName(site, kind), DType::F32, {features}});
  if (moments.groups)
    entries.push_back(
        {getSecondMomentName(site), DType::F32, moments.getShape(features)});
}

std::map<std::string, std::string> qnt::getStatisticsMetadata() {
  return {{"format", formatName}, {"version", formatVersion}};
}

void qnt::writeStatisticsTensors(params::SafeTensorsWriter &writer,
                                 const ChannelStatistics &channels) {
  auto write = [&](const std::vector<float> &numbers) {
    writer.write(std::as_bytes(std::span(numbers)));
  };
  for (const auto &[kind, get] : kinds)
    write(get(channels));
  // Matrices are large: a few rows at a time.
  int64_t groups = channels.getMomentLayout().groups;
  int64_t size = groups ? channels.getFeatures() / groups : 0;
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t row = 0; row < size; row += 64)
      write(channels.getSecondMoment(group, row,
                                     std::min<int64_t>(64, size - row)));
}

std::shared_ptr<params::ParamStore>
qnt::openStatisticsTensors(const std::string &path) {
  auto store = params::ParamStore::open(path);
  auto field = [&](const char *key) {
    auto found = store->metadata().find(key);
    return found == store->metadata().end() ? std::string() : found->second;
  };
  if (field("format") != formatName)
    throw ParamsError(path +
                      ": expected a file of statistics, whose metadata "
                      "has the format '" +
                      formatName + "'");
  if (field("version") != formatVersion)
    throw ParamsError(path + ": version " + field("version") +
                      " of statistics, expected " + formatVersion);
  return store;
}

Value qnt::loadStatistic(OpBuilder &builder, Location loc, ModuleOp module,
                         StringRef name, RankedTensorType type) {
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    ml_program::GlobalOp::create(
        builder, loc, name, type, /*is_mutable=*/false,
        ml_program::ExternAttr::get(builder.getContext(), type),
        builder.getStringAttr("private"));
  }
  return ml_program::GlobalLoadConstOp::create(
      builder, loc, type, FlatSymbolRefAttr::get(builder.getContext(), name));
}
