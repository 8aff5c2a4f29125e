//===- LatencyTable.h - measured latencies of contractions ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_LATENCYTABLE_H
#define QNT_LIB_PIPELINES_LATENCYTABLE_H

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qnt {

/// What the latency of a linear layer depends on beside its size.
struct LatencyKind {
  /// Formats by name; the activation may be "none", for floats.
  std::string weight, activation;
  /// Inputs that share a scale; 0: a channel.
  int64_t group = 0;
  /// "f16", "bf16", "f32", or "none".
  std::string scale;
  /// Of the weight: "none", "point" or "offset".
  std::string zero;
  /// Of the activation: whether it has a zero point, and whether it has one
  /// scale that is known beforehand.
  bool activationZero = false, perTensor = false;

  auto operator<=>(const LatencyKind &) const = default;
  /// For people: "int4 group 64, int8".
  std::string describe() const;
};

/// Seconds of layers [features, inputs] at the points of a grid.
struct LatencyGrid {
  /// Ascending; at least one of each.
  std::vector<int64_t> features, inputs;
  /// [features][inputs].
  std::vector<double> seconds;

  double &at(size_t feature, size_t input) {
    return seconds[feature * inputs.size() + input];
  }
  /// Raises what noise made less than a smaller layer's.
  void makeMonotone();
  /// Linear between points, in both directions; below the first point as at it,
  /// beyond the last in proportion. Exact at the points, and never less for a
  /// larger layer once the grid is monotone.
  double interpolate(int64_t features, int64_t inputs) const;
};

/// Latencies on one machine (docs/costs.md).
class LatencyTable {
public:
  /// Where figures are from; they say nothing of any other.
  struct Machine {
    std::string cpu, isa;
    int64_t threads = 1;
    /// Of this project, whose kernels they are.
    std::string version;
    bool operator==(const Machine &) const = default;
  };

  explicit LatencyTable(Machine machine) : machine(std::move(machine)) {}
  /// Of the file at `path`; empty where there is none, or one of another
  /// machine or version. Throws support::FileError where it cannot be read.
  static LatencyTable read(const std::string &path, const Machine &machine);
  /// Throws support::FileError.
  void write(const std::string &path) const;
  std::string toJson() const;

  /// Null where there is none.
  const LatencyGrid *find(const LatencyKind &kind, int64_t rows) const;
  void insert(const LatencyKind &kind, int64_t rows, LatencyGrid grid);
  /// Takes what it lacks from another of the same machine.
  void merge(const LatencyTable &other);

  /// Between the rows that were measured linear, beyond the most in proportion.
  /// Nothing where these are not known.
  std::optional<double> getSeconds(const LatencyKind &kind, int64_t rows,
                                   int64_t features, int64_t inputs) const;
  /// The rows that this needs.
  static std::vector<int64_t> getRows(int64_t rows);

  const Machine machine;
  /// By kind and rows.
  const auto &getGrids() const { return grids; }

private:
  std::map<std::pair<LatencyKind, int64_t>, LatencyGrid> grids;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_LATENCYTABLE_H
