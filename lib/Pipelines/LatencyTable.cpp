//===- LatencyTable.cpp - measured latencies of contractions ----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LatencyTable.h"

#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/Json.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

using namespace qnt;
using nlohmann::json;
using support::FileError;
using support::getField;

namespace {
constexpr const char *formatName = "qnt-latency";
constexpr int64_t formatVersion = 1;
/// Most sizes along one side of a grid, and the largest of them, in a file.
constexpr size_t mostPoints = 64;
constexpr int64_t mostSize = int64_t(1) << 40;

/// Where `x` lies among ascending points: between `low` and `low` + 1, by this
/// share of the way; or at `low`, times `factor`.
struct Place {
  size_t low = 0;
  double share = 0, factor = 1;

  static Place of(int64_t x, const std::vector<int64_t> &points) {
    if (x <= points.front())
      return {};
    if (x >= points.back())
      return {points.size() - 1, 0, double(x) / double(points.back())};
    auto next = std::upper_bound(points.begin(), points.end(), x);
    double from = double(next[-1]), to = double(next[0]);
    return {size_t(next - points.begin()) - 1, (double(x) - from) / (to - from),
            1};
  }
  template <typename Get> double apply(Get get) const {
    double value = get(low);
    if (share > 0)
      value += share * (get(low + 1) - value);
    return factor * value;
  }
};
} // namespace

std::string LatencyKind::describe() const {
  std::string text = weight;
  if (group)
    text += " group " + std::to_string(group);
  if (zero != "none")
    text += zero == "point" ? " zero points" : " offsets";
  text += activation == "none" ? ", floats" : ", " + activation;
  if (perTensor)
    text += " per tensor";
  return text;
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

void LatencyGrid::makeMonotone() {
  for (size_t f = 0; f < features.size(); ++f)
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (f)
        at(f, i) = std::max(at(f, i), at(f - 1, i));
      if (i)
        at(f, i) = std::max(at(f, i), at(f, i - 1));
    }
}

double LatencyGrid::interpolate(int64_t rows, int64_t columns) const {
  Place feature = Place::of(rows, features);
  Place input = Place::of(columns, inputs);
  return feature.apply([&](size_t f) {
    return input.apply(
        [&](size_t i) { return seconds[f * inputs.size() + i]; });
  });
}

std::vector<int64_t> LatencyTable::getRows(int64_t rows) {
  if (rows <= 1)
    return {1};
  return {1, 128};
}

const LatencyGrid *LatencyTable::find(const LatencyKind &kind,
                                      int64_t rows) const {
  auto found = grids.find({kind, rows});
  return found == grids.end() ? nullptr : &found->second;
}

void LatencyTable::insert(const LatencyKind &kind, int64_t rows,
                          LatencyGrid grid) {
  grids.insert_or_assign({kind, rows}, std::move(grid));
}

void LatencyTable::merge(const LatencyTable &other) {
  grids.insert(other.grids.begin(), other.grids.end());
}

std::optional<double> LatencyTable::getSeconds(const LatencyKind &kind,
                                               int64_t rows, int64_t features,
                                               int64_t inputs) const {
  std::vector<int64_t> points = getRows(rows);
  std::vector<double> values;
  for (int64_t point : points) {
    const LatencyGrid *grid = find(kind, point);
    if (!grid)
      return {};
    double value = grid->interpolate(features, inputs);
    // More rows take no less.
    values.push_back(values.empty() ? value : std::max(value, values.back()));
  }
  return Place::of(rows, points).apply([&](size_t i) { return values[i]; });
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

static json toJson(const LatencyTable::Machine &machine) {
  return {{"cpu", machine.cpu},
          {"isa", machine.isa},
          {"threads", machine.threads},
          {"version", machine.version}};
}

std::string LatencyTable::toJson() const {
  json tables = json::array();
  for (const auto &[key, grid] : grids) {
    const auto &[kind, rows] = key;
    json seconds = json::array();
    for (size_t f = 0; f < grid.features.size(); ++f) {
      auto begin = grid.seconds.begin() + int64_t(f * grid.inputs.size());
      seconds.push_back(
          std::vector<double>(begin, begin + int64_t(grid.inputs.size())));
    }
    tables.push_back({{"weight", kind.weight},
                      {"group", kind.group},
                      {"scale", kind.scale},
                      {"zero", kind.zero},
                      {"activation", kind.activation},
                      {"activation_zero", kind.activationZero},
                      {"per_tensor", kind.perTensor},
                      {"rows", rows},
                      {"features", grid.features},
                      {"inputs", grid.inputs},
                      {"seconds", seconds}});
  }
  return json{{"format", formatName},
              {"format_version", formatVersion},
              {"machine", ::toJson(machine)},
              {"tables", tables}}
             .dump(1) +
         "\n";
}

void LatencyTable::write(const std::string &path) const {
  support::writeFileAtomically(path, std::string_view(toJson()));
}

static std::vector<int64_t> readSizes(const json &table, const char *key,
                                      const std::string &where) {
  auto sizes = getField<std::vector<int64_t>>(table, key, where);
  bool good = !sizes.empty() && sizes.size() <= mostPoints &&
              sizes.front() >= 1 && sizes.back() <= mostSize;
  for (size_t i = 1; good && i < sizes.size(); ++i)
    good = sizes[i - 1] < sizes[i];
  if (!good)
    throw FileError(where + ": '" + key + "' must be ascending sizes");
  return sizes;
}

static LatencyGrid readGrid(const json &table, const std::string &where) {
  LatencyGrid grid;
  grid.features = readSizes(table, "features", where);
  grid.inputs = readSizes(table, "inputs", where);
  auto found = table.find("seconds");
  bool good = found != table.end() && found->is_array() &&
              found->size() == grid.features.size();
  for (size_t f = 0; good && f < grid.features.size(); ++f) {
    const json &line = (*found)[f];
    good = line.is_array() && line.size() == grid.inputs.size();
    for (size_t i = 0; good && i < line.size(); ++i) {
      good = line[i].is_number() && line[i].get<double>() > 0 &&
             std::isfinite(line[i].get<double>());
      if (good)
        grid.seconds.push_back(line[i].get<double>());
    }
  }
  if (!good)
    throw FileError(where + ": 'seconds' must have a positive number for each "
                            "of the features and inputs");
  return grid;
}

LatencyTable LatencyTable::read(const std::string &path,
                                const Machine &machine) {
  LatencyTable table(machine);
  if (!std::filesystem::exists(path))
    return table;
  json file = support::readJson(path);
  if (!file.is_object() || file.value("format", json()) != formatName)
    throw FileError(path +
                    ": not a table of latencies: expected 'format' to "
                    "be '" +
                    formatName + "'");
  if (getField<int64_t>(file, "format_version", path) != formatVersion)
    return table;
  json from = getField<json>(file, "machine", path);
  std::string inMachine = path + ": machine";
  Machine measured{getField<std::string>(from, "cpu", inMachine),
                   getField<std::string>(from, "isa", inMachine),
                   getField<int64_t>(from, "threads", inMachine),
                   getField<std::string>(from, "version", inMachine)};
  auto tables = file.find("tables");
  if (tables == file.end() || !tables->is_array())
    throw FileError(path + ": 'tables' must be an array");
  if (measured != machine)
    return table;
  for (const json &entry : *tables) {
    std::string where =
        path + ": tables[" + std::to_string(&entry - &tables->front()) + "]";
    if (!entry.is_object())
      throw FileError(where + " must be an object");
    LatencyKind kind{getField<std::string>(entry, "weight", where),
                     getField<std::string>(entry, "activation", where),
                     getField<int64_t>(entry, "group", where),
                     getField<std::string>(entry, "scale", where),
                     getField<std::string>(entry, "zero", where),
                     getField<bool>(entry, "activation_zero", where),
                     getField<bool>(entry, "per_tensor", where)};
    int64_t rows = support::getIntField(entry, "rows", 1, mostSize, where);
    table.insert(kind, rows, readGrid(entry, where));
  }
  return table;
}
