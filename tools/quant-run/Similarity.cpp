//===- Similarity.cpp - rank correlation of sentence similarities ---------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Csv.h"
#include "Encoder.h"
#include "qnt/Support/Progress.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace qnt::run;

/// Ranks from 1; equal values share the mean of theirs.
static std::vector<double> ranks(const std::vector<double> &values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> result(values.size());
  for (size_t first = 0, end; first < order.size(); first = end) {
    end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]])
      ++end;
    for (size_t i = first; i < end; ++i)
      result[order[i]] = (first + 1 + end) / 2.0;
  }
  return result;
}

/// Spearman's correlation: Pearson's of the ranks.
static double spearman(const std::vector<double> &a,
                       const std::vector<double> &b) {
  std::vector<double> x = ranks(a), y = ranks(b);
  double mean = (x.size() + 1) / 2.0, xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

void qnt::run::evaluateSts(Model &model, const Args &args, Output &output) {
  model.needKind("encoder", "--eval sts=");
  auto rows = parseCsv(readFile(args.evalFile), args.evalFile);
  if (args.limit && int64_t(rows.size()) > args.limit)
    rows.resize(args.limit);
  if (rows.size() < 2)
    throw RunError(args.evalFile + ": expected at least two rows");
  std::vector<double> expected, measured;
  for (const auto &row : rows) {
    char *end = nullptr;
    if (row.size() == 3)
      expected.push_back(std::strtod(row[2].c_str(), &end));
    if (!end || end == row[2].c_str() || *end)
      throw RunError(args.evalFile + ": row " +
                     std::to_string(&row - rows.data() + 1) +
                     ": expected sentence,sentence,score");
  }
  Encoder encoder(model);
  qnt::support::Progress progress("similarity", rows.size());
  for (const auto &row : rows) {
    measured.push_back(cosine(encoder.embed(row[0]), encoder.embed(row[1])));
    progress.advance();
  }
  double result = 100 * spearman(measured, expected);
  progress.clear();
  output.print(format("Spearman correlation x 100: %.2f over %zu pairs\n",
                      result, rows.size()));
  output.values["spearman"] = result;
  output.values["pairs"] = rows.size();
}
