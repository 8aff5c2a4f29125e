//===- JsonNode.h - JSON values that know where they stand ------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TOKENIZE_JSONNODE_H
#define QNT_LIB_TOKENIZE_JSONNODE_H

#include "qnt/Tokenize/Tokenizer.h"

#include <nlohmann/json.hpp>

namespace qnt::tokenize {

/// A JSON value and its path from the file's root, so that every complaint
/// names the field. All accessors throw TokenizerError.
class JsonNode {
public:
  JsonNode(const nlohmann::json &json, std::string where)
      : json(&json), where(std::move(where)) {}

  /// Parses `text`; `where` is the file's name in messages.
  static nlohmann::json parse(std::string_view text, const std::string &where);

  [[noreturn]] void fail(const std::string &what) const;
  const std::string &path() const { return where; }
  const nlohmann::json &raw() const { return *json; }

  /// A member that must be there.
  JsonNode at(const char *key) const;
  /// A member that may be missing or null.
  std::optional<JsonNode> find(const char *key) const;
  /// The elements of an array.
  std::vector<JsonNode> elements() const;

  const std::string &string() const;
  bool boolean() const;
  double number() const;
  /// An integer of [low, high].
  int64_t integer(int64_t low, int64_t high) const;
  /// A token id.
  int32_t id() const { return static_cast<int32_t>(integer(0, maxId)); }

  bool booleanOr(const char *key, bool fallback) const;
  std::optional<std::string> optionalString(const char *key) const;

  /// Ids above this are taken for a damaged file: tables are as long as the
  /// largest id.
  static constexpr int64_t maxId = (1 << 24) - 1;

private:
  [[noreturn]] void expected(const char *kind) const;
  const nlohmann::json *json;
  std::string where;
};

} // namespace qnt::tokenize

#endif // QNT_LIB_TOKENIZE_JSONNODE_H
