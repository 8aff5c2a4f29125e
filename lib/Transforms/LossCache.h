//===- LossCache.h - losses kept between runs -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_LOSSCACHE_H
#define QNT_LIB_TRANSFORMS_LOSSCACHE_H

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace qnt {

/// Losses by weight and format, kept between runs in a file that holds those of
/// several metrics side by side.
class LossCache {
public:
  /// Of one metric; `key` is all that its losses depend on. An empty path:
  /// nothing is kept. Throws support::FileError where the file is not one of
  /// losses.
  LossCache(std::string path, std::string metric, std::string key);

  std::optional<double> find(const std::string &weight,
                             const std::string &format) const;
  /// Writes the file: a run that is interrupted loses nothing.
  void add(const std::string &weight, const std::string &format, double loss);

private:
  std::string path, metric, key;
  std::map<std::string, std::map<std::string, double>> losses;
  /// By metric, as they were.
  std::map<std::string, nlohmann::json> others;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_LOSSCACHE_H
