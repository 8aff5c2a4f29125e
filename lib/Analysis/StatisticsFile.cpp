//===- StatisticsFile.cpp - statistics as JSON -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/RangeStatistics.h"

#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/Json.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace qnt;
using nlohmann::json;
using support::FileError;
using support::getField;
using support::getIntField;

static constexpr const char *formatName = "qnt-statistics";
static constexpr int64_t formatVersion = 1;

void StatisticsFile::write(const std::string &path,
                           const StatisticsMap &statistics) {
  json sites = json::object();
  for (const auto &[name, site] : statistics) {
    auto isUsed = [](int64_t bin) { return bin != 0; };
    auto begin = llvm::find_if(site.bins, isUsed);
    auto end =
        std::find_if(site.bins.rbegin(), site.bins.rend(), isUsed).base();
    json counts = json::array();
    for (auto bin = begin; bin < end; ++bin)
      counts.push_back(*bin);
    sites[name] = {{"count", site.count},
                   {"min", site.min},
                   {"max", site.max},
                   {"limit_exponent", site.exponent},
                   {"first_bin", begin - site.bins.begin()},
                   {"bins", std::move(counts)}};
  }
  json file = {{"format", formatName},
               {"version", formatVersion},
               {"sites", std::move(sites)}};
  support::writeFileAtomically(path, file.dump() + "\n");
}

StatisticsMap StatisticsFile::read(const std::string &path) {
  json file = support::readJson(path, support::DuplicateKeys::Refuse);
  if (!file.is_object() ||
      support::findField<std::string>(file, "format", path) != formatName)
    throw FileError(path + ": expected a statistics file, whose 'format' is '" +
                    formatName + "'");
  int64_t version = getField<int64_t>(file, "version", path);
  if (version != formatVersion)
    throw FileError(path + ": version " + std::to_string(version) +
                    " of statistics, expected " +
                    std::to_string(formatVersion));
  StatisticsMap statistics;
  json sites = getField<json>(file, "sites", path);
  for (const auto &[name, entry] : sites.items()) {
    std::string where = path + ": site '" + name + "'";
    if (!entry.is_object())
      throw FileError(where + ": expected an object");
    RangeStatistics site;
    site.count = getIntField(entry, "count", 1, INT64_MAX, where);
    site.min = float(getField<double>(entry, "min", where));
    site.max = float(getField<double>(entry, "max", where));
    site.exponent = int(getIntField(entry, "limit_exponent", -126, 128, where));
    auto first =
        getIntField(entry, "first_bin", 0, RangeStatistics::numBins - 1, where);
    auto counts = getField<std::vector<int64_t>>(entry, "bins", where);
    int64_t sum = 0;
    for (int64_t n : counts)
      sum = n < 0 || n > site.count - sum ? INT64_MIN / 2 : sum + n;
    double limit = std::ldexp(1.0, site.exponent);
    if (first + int64_t(counts.size()) > RangeStatistics::numBins ||
        sum != site.count)
      throw FileError(where + ": 'bins' do not add up to 'count'");
    if (!(site.min <= site.max && -limit <= site.min && site.max < limit))
      throw FileError(where + ": 'min' and 'max' lie outside the histogram");
    site.bins.resize(RangeStatistics::numBins);
    llvm::copy(counts, site.bins.begin() + first);
    statistics.emplace(name, std::move(site));
  }
  return statistics;
}
