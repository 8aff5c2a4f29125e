//===- OpErrors.cpp - how far operations are from a reference -------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpErrors.h"

#include <algorithm>
#include <cmath>
#include <regex>

using namespace qnt::run;

void Errors::add(std::span<const float> values,
                 std::span<const float> reference) {
  for (size_t i = 0; i < values.size(); ++i) {
    double a = values[i], b = reference[i], difference = std::abs(a - b);
    // Written so that NaN comes in and stays.
    if (!(difference <= largest) && !std::isnan(largest))
      largest = difference;
    differences += difference * difference;
    squares += a * a;
    referenceSquares += b * b;
    products += a * b;
  }
}

double Errors::relative() const {
  return referenceSquares > 0 ? std::sqrt(differences / referenceSquares)
                              : std::sqrt(differences);
}

double Errors::cosine() const {
  double norm = std::sqrt(squares) * std::sqrt(referenceSquares);
  return norm == 0 ? 0 : products / norm;
}

Json Errors::json() const {
  return {
      {"max_abs", maxAbs()}, {"relative", relative()}, {"cosine", cosine()}};
}

OpErrors::Names OpErrors::namesOf(const Model &model) {
  Names names;
  if (auto ops = model.manifest.find("ops"); ops != model.manifest.end())
    for (const auto &op : *ops)
      names.push_back(op["name"]);
  return names;
}

OpErrors::Key OpErrors::key(const std::string &name,
                            std::map<std::string, int> &seen) {
  return {name, seen[name]++};
}

static std::vector<int64_t> shapeOf(const qnt_tensor &tensor) {
  return {tensor.shape, tensor.shape + tensor.rank};
}

static std::span<const float> floatsOf(const qnt_tensor &tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor.rank; ++i)
    count *= tensor.shape[i];
  return {static_cast<const float *>(tensor.data), size_t(count)};
}

OpErrors::OpErrors(Model &model, Model &reference)
    : model(model), reference(reference), names(namesOf(model)),
      referenceNames(namesOf(reference)) {
  reference.setHook([this](int64_t op, const qnt_tensor *output) {
    if (!output || output->dtype != QNT_F32)
      return;
    auto floats = floatsOf(*output);
    Value &value = values[key(referenceNames[op], referenceSeen)];
    value.shape = shapeOf(*output);
    value.data.assign(floats.begin(), floats.end());
  });
  model.setHook([this](int64_t op, const qnt_tensor *output) {
    if (!output || output->dtype != QNT_F32)
      return;
    Key at = key(names[op], seen);
    auto found = values.find(at);
    if (found == values.end() || found->second.shape != shapeOf(*output))
      return;
    auto [entry, isNew] = errors.try_emplace(at);
    if (isNew)
      order.push_back(at);
    entry->second.add(floatsOf(*output), found->second.data);
  });
}

OpErrors::~OpErrors() {
  model.setHook(nullptr);
  reference.setHook(nullptr);
}

void OpErrors::begin() {
  seen.clear();
  referenceSeen.clear();
  values.clear();
}

/// "model.layers.3.mlp.down_proj" -> "model.layers.3"; "" outside blocks.
static std::string blockOf(const std::string &name) {
  static const std::regex block("^(.*?\\b(?:layers?|blocks?|h)\\.[0-9]+)\\b");
  std::smatch match;
  return std::regex_search(name, match, block) ? match[1].str() : "";
}

void OpErrors::report(const Errors &output, bool perOp, Output &out) const {
  std::vector<std::vector<std::string>> table = {
      {perOp ? "operation" : "block", "max error", "relative", "cosine"}};
  auto row = [&](const std::string &name, const Errors &errors) {
    table.push_back({name, format("%.3g", errors.maxAbs()),
                     format("%.3g", errors.relative()),
                     format("%.6f", errors.cosine())});
  };
  Json ops = Json::array();
  for (size_t i = 0; i < order.size(); ++i) {
    const Errors &error = errors.at(order[i]);
    const std::string &name = order[i].first;
    Json entry = {{"name", name}};
    entry.update(error.json());
    ops.push_back(entry);
    std::string block = blockOf(name);
    bool lastOfBlock =
        i + 1 == order.size() || blockOf(order[i + 1].first) != block;
    if (perOp || block.empty())
      row(name, error);
    else if (lastOfBlock)
      row(block, error);
  }
  row("output", output);
  out.table(table, 1);
  out.values["ops"] = ops;
  out.values["output"] = output.json();
}
