//===- Roofline.h - how near operations come to the machine -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_ROOFLINE_H
#define QNT_TOOLS_QUANTRUN_ROOFLINE_H

#include "Model.h"
#include "ProductTest.h"
#include "ReadTest.h"

#include <map>
#include <string>
#include <vector>

namespace qnt::run {

/// Work of one operation, or of all operations of a kernel, in all its calls.
struct Work {
  int64_t calls = 0;
  double seconds = 0;
  /// Bytes that come from memory: parameters and caches of keys and values.
  double read = 0;
  /// Bytes of activations that are read and written.
  double moved = 0;
  /// Two a multiply-accumulate, and of what: "int8", "f32", "".
  double operations = 0;
  std::string products;

  void add(const Work &other);
};

/// What a phase runs on.
struct Phase {
  /// Values of the manifest's dimensions.
  std::map<std::string, int64_t> dims;
  /// Of a causal language model: calls of `rows` tokens a sequence each, which
  /// follow `first` others, a call after the other.
  int64_t first = 0, rows = 0, calls = 1;
};

/// One call's work of the operation `op` of the manifest's `ops` (docs/abi.md),
/// as far as the dimensions are known.
Work findWork(const Model &model, const nlohmann::json &op, const Phase &phase);

/// The share of a limit that work reaches, and which limit that is; null where
/// none is known.
struct Share {
  double share = 0;
  const char *limit = nullptr;
};

/// What the machine could do, measured between the calls: how fast it reads
/// memory and its caches, and multiplies (Williams, Waterman and Patterson
/// 2009).
class Roofline {
public:
  explicit Roofline(const Model &model);
  void measure();
  /// The nearest limit. Activations that fit the last cache move at most as
  /// fast as the second one is read.
  Share findShare(const Work &work) const;
  /// Figures by name, in units of 10^9 a second: "read_gb", "cache_gb",
  /// "int8_gop", "f32_gop"; those that are not known are missing.
  std::map<std::string, double> getLimits() const;

private:
  ReadTest memory, cache;
  ProductTest products;
  std::map<std::string, std::vector<double>> figures;
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_ROOFLINE_H
