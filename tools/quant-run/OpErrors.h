//===- OpErrors.h - how far operations are from a reference -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_OPERRORS_H
#define QNT_TOOLS_QUANTRUN_OPERRORS_H

#include "Model.h"
#include "Output.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace qnt::run {

/// Differences of many values from their reference, added up in double.
class Errors {
public:
  void add(std::span<const float> values, std::span<const float> reference);
  double maxAbs() const { return largest; }
  /// ||values - reference|| / ||reference||.
  double relative() const;
  double cosine() const;
  Json json() const;

private:
  double largest = 0, differences = 0, squares = 0, referenceSquares = 0,
         products = 0;
};

/// Compares what two models compute, operation by operation: those of the same
/// name, of which both report f32 outputs of the same shape. While it lives it
/// holds the hooks of both models.
class OpErrors {
public:
  OpErrors(Model &model, Model &reference);
  ~OpErrors();
  OpErrors(const OpErrors &) = delete;
  OpErrors &operator=(const OpErrors &) = delete;

  /// To be called before each pair of calls: first the reference's, then the
  /// model's.
  void begin();

  /// One row an operation, in the order of execution, or one a block
  /// ("layers.3", by its last operation) and those outside blocks; then
  /// `output`. Fills values["ops"] and values["output"].
  void report(const Errors &output, bool perOp, Output &out) const;

private:
  /// Name, and how often it came before in the same call.
  using Key = std::pair<std::string, int>;
  struct Value {
    std::vector<int64_t> shape;
    std::vector<float> data;
  };
  using Names = std::vector<std::string>;
  static Names namesOf(const Model &model);
  Key key(const std::string &name, std::map<std::string, int> &seen);

  Model &model, &reference;
  Names names, referenceNames;
  std::map<std::string, int> seen, referenceSeen;
  std::map<Key, Value> values;
  std::map<Key, Errors> errors;
  std::vector<Key> order;
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_OPERRORS_H
