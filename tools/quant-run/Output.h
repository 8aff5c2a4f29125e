//===- Output.h - what quant-run prints -------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_OUTPUT_H
#define QNT_TOOLS_QUANTRUN_OUTPUT_H

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace qnt::run {

using Json = nlohmann::ordered_json;

/// Ends the program with this one-line message.
struct RunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// printf into a string.
std::string format(const char *pattern, ...)
    __attribute__((format(printf, 1, 2)));

/// Results: lines for people on stdout, or with --json one object at the end.
class Output {
public:
  explicit Output(bool json) : json(json) {}

  /// Prints text to stdout at once; nothing with --json.
  void print(const std::string &text) const;
  /// Prints one line about the run, not a result, to stderr.
  void note(const std::string &line) const;
  /// Columns padded to their widest cell; the first row is the heading. The
  /// first `leftColumns` are aligned to the left.
  void table(const std::vector<std::vector<std::string>> &rows,
             size_t leftColumns) const;
  /// Prints the object of --json.
  void finish() const;

  const bool json;
  /// The keys of docs/quant-run.md.
  Json values = Json::object();
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_OUTPUT_H
