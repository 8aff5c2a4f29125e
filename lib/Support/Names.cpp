//===- Names.cpp - names that were meant -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/Names.h"

#include <algorithm>
#include <numeric>
#include <utility>

static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replace = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replace, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string qnt::support::findNearest(std::string_view name,
                                      const std::vector<std::string> &names) {
  auto nearest =
      std::min_element(names.begin(), names.end(),
                       [&](const std::string &a, const std::string &b) {
                         return editDistance(a, name) < editDistance(b, name);
                       });
  return nearest == names.end() ? "" : *nearest;
}
