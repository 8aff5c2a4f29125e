//===- JsonNode.cpp - JSON values that know where they stand --------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "JsonNode.h"

#include "qnt/Support/Json.h"

namespace qnt::tokenize {

nlohmann::json JsonNode::parse(std::string_view text,
                               const std::string &where) {
  try {
    return support::parseJson(text, where + ": not JSON");
  } catch (const support::FileError &error) {
    throw TokenizerError(error.what());
  }
}

void JsonNode::fail(const std::string &what) const {
  throw TokenizerError(where + ": " + what);
}

void JsonNode::expected(const char *kind) const {
  fail(std::string("expected ") + kind + ", found " + json->type_name());
}

JsonNode JsonNode::at(const char *key) const {
  if (!json->is_object())
    expected("an object");
  auto it = json->find(key);
  if (it == json->end())
    fail(std::string("'") + key + "' is missing");
  return {*it, where + "." + key};
}

std::optional<JsonNode> JsonNode::find(const char *key) const {
  if (!json->is_object())
    expected("an object");
  auto it = json->find(key);
  if (it == json->end() || it->is_null())
    return std::nullopt;
  return JsonNode(*it, where + "." + key);
}

std::vector<JsonNode> JsonNode::elements() const {
  if (!json->is_array())
    expected("an array");
  std::vector<JsonNode> out;
  out.reserve(json->size());
  for (size_t i = 0; i < json->size(); ++i)
    out.emplace_back((*json)[i], where + "[" + std::to_string(i) + "]");
  return out;
}

const std::string &JsonNode::string() const {
  if (!json->is_string())
    expected("a string");
  return json->get_ref<const std::string &>();
}

bool JsonNode::boolean() const {
  if (!json->is_boolean())
    expected("a boolean");
  return json->get<bool>();
}

double JsonNode::number() const {
  if (!json->is_number())
    expected("a number");
  return json->get<double>();
}

int64_t JsonNode::integer(int64_t low, int64_t high) const {
  if (!json->is_number_integer())
    expected("an integer");
  bool huge = json->is_number_unsigned() &&
              json->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  int64_t value = huge ? 0 : json->get<int64_t>();
  if (huge || value < low || value > high)
    fail("expected an integer from " + std::to_string(low) + " to " +
         std::to_string(high) + ", found " + json->dump());
  return value;
}

bool JsonNode::booleanOr(const char *key, bool fallback) const {
  auto member = find(key);
  return member ? member->boolean() : fallback;
}

std::optional<std::string> JsonNode::optionalString(const char *key) const {
  auto member = find(key);
  return member ? std::optional(member->string()) : std::nullopt;
}

} // namespace qnt::tokenize
