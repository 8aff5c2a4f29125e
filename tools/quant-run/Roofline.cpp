//===- Roofline.cpp - how near operations come to the machine -------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Roofline.h"
#include "Workload.h"

#include <algorithm>
#include <optional>

using namespace qnt::run;

void Work::add(const Work &other) {
  calls += other.calls;
  seconds += other.seconds;
  read += other.read;
  moved += other.moved;
  operations += other.operations;
  products = other.products;
}

/// Numbers and names of dimensions, multiplied.
static std::optional<double> multiply(const nlohmann::json &factors,
                                      const Phase &phase) {
  double product = 1;
  for (const nlohmann::json &factor : factors) {
    if (factor.is_number()) {
      product *= factor.get<double>();
      continue;
    }
    auto dim = factor.is_string() ? phase.dims.find(factor) : phase.dims.end();
    if (dim == phase.dims.end())
      return std::nullopt;
    product *= double(dim->second);
  }
  return product;
}

/// The keys that a row of an attention attends to, on average. Adds what a call
/// reads of the cache.
static double attend(const Model &model, const nlohmann::json &op,
                     const Phase &phase, Work &work) {
  int64_t window = op.value("window", INT64_MAX);
  if (op["positions"] != "cache") {
    double keys =
        multiply(nlohmann::json::array({op["positions"]}), phase).value_or(0);
    return std::min(keys, double(window));
  }
  double attended = 0, keys = 0;
  for (int64_t call = 0; call < phase.calls; ++call) {
    int64_t first = phase.first + call * phase.rows;
    keys += double(std::min(first, window - 1) + phase.rows);
    for (int64_t row = 0; row < phase.rows; ++row)
      attended += double(std::min(first + row + 1, window));
  }
  const nlohmann::json none = nlohmann::json::object();
  double perToken =
      model.manifest.value("ideal_bytes", none).value("kv_per_token", 0.0) /
      model.manifest.value("kv_cache", none).value("layers", 1.0);
  auto batch = phase.dims.find("batch");
  work.read += perToken * keys / double(phase.calls) *
               double(batch == phase.dims.end() ? 1 : batch->second);
  return attended / double(phase.calls * phase.rows);
}

Work qnt::run::findWork(const Model &model, const nlohmann::json &op,
                        const Phase &phase) {
  Work work;
  work.calls = 1;
  work.read = op.value("bytes", 0.0);
  work.products = op.value("products", "");
  for (const nlohmann::json &product :
       op.value("moves", nlohmann::json::array()))
    work.moved += multiply(product, phase).value_or(0);
  nlohmann::json rows = op.value("shape", nlohmann::json::array());
  if (rows.empty())
    return work;
  rows.erase(rows.size() - 1);
  work.operations =
      2 * op.value("macs_per_row", 0.0) * multiply(rows, phase).value_or(0);
  if (op.contains("positions"))
    work.operations *= attend(model, op, phase, work);
  return work;
}

Roofline::Roofline(const Model &model)
    : memory(ReadTest::ofMemory(qnt_threads(model.handle))),
      cache(ReadTest::ofCache(qnt_threads(model.handle))),
      products(qnt_isa(model.handle), qnt_threads(model.handle)) {}

void Roofline::measure() {
  figures["read_gb"].push_back(memory.run());
  figures["cache_gb"].push_back(cache.run());
  for (auto [name, speed] : {std::pair("int8_gop", products.runInt8()),
                             std::pair("f32_gop", products.runFloat())})
    if (speed > 0)
      figures[name].push_back(speed);
}

std::map<std::string, double> Roofline::getLimits() const {
  std::map<std::string, double> limits;
  for (const auto &[name, runs] : figures)
    limits[name] = Summary(runs).median / 1e9;
  return limits;
}

Share Roofline::findShare(const Work &work) const {
  Share found;
  auto consider = [&](const char *limit, const std::string &figure,
                      double amount) {
    auto runs = figures.find(figure);
    if (runs == figures.end() || amount <= 0)
      return;
    double share = amount / Summary(runs->second).median / work.seconds;
    if (share > found.share)
      found = {share, limit};
  };
  bool isCached =
      work.moved < double(ReadTest::getLastCacheBytes() * work.calls);
  consider("memory", "read_gb", work.read + (isCached ? 0 : work.moved));
  consider("cache", "cache_gb", isCached ? work.moved : 0);
  consider("products", work.products + "_gop", work.operations);
  return found;
}
