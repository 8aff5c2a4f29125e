//===- Json.cpp - JSON files and typed access to them ---------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/Json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

using namespace qnt::support;
using nlohmann::json;

namespace {
/// More than any configuration needs; bounds the memory of hostile input.
constexpr int maxDepth = 256;

/// "line 3, column 7" of a byte offset.
std::string position(std::string_view text, size_t offset) {
  std::string_view before = text.substr(0, std::min(offset, text.size()));
  size_t lastBreak = before.rfind('\n');
  size_t column =
      lastBreak == before.npos ? before.size() : before.size() - lastBreak - 1;
  return "line " +
         std::to_string(1 + std::count(before.begin(), before.end(), '\n')) +
         ", column " + std::to_string(std::max<size_t>(column, 1));
}

/// Only the cause: the library's own prefix repeats the position.
std::string reason(const json::parse_error &error) {
  std::string text = error.what();
  size_t start = text.find(": ");
  text = start == text.npos ? text : text.substr(start + 2);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return text;
}

std::string_view typeOf(const json &value) {
  if (value.is_number_float())
    return "a number with a fraction or exponent";
  if (value.is_number())
    return "an integer";
  if (value.is_string())
    return "a string";
  if (value.is_boolean())
    return "a boolean";
  if (value.is_array())
    return "an array";
  return value.is_object() ? "an object" : "null";
}

// Each `is` says whether a JSON value fits the C++ type, `expected` names it.
template <typename T> struct Reader;
template <> struct Reader<bool> {
  static constexpr const char *expected = "a boolean";
  static bool is(const json &value) { return value.is_boolean(); }
};
template <> struct Reader<int64_t> {
  static constexpr const char *expected = "an integer";
  static bool is(const json &value) {
    return value.is_number_integer() &&
           !(value.is_number_unsigned() &&
             value.get<uint64_t>() > uint64_t(INT64_MAX));
  }
};
template <> struct Reader<double> {
  static constexpr const char *expected = "a number";
  static bool is(const json &value) { return value.is_number(); }
};
template <> struct Reader<std::string> {
  static constexpr const char *expected = "a string";
  static bool is(const json &value) { return value.is_string(); }
};
template <> struct Reader<json> {
  static constexpr const char *expected = "an object";
  static bool is(const json &value) { return value.is_object(); }
};
template <typename T> struct Reader<std::vector<T>> {
  static inline const std::string expected =
      std::string("an array, each element ") + Reader<T>::expected;
  static bool is(const json &value) {
    return value.is_array() &&
           std::all_of(value.begin(), value.end(), Reader<T>::is);
  }
};

[[noreturn]] void fail(const std::string &where, std::string_view key,
                       const std::string &what) {
  throw FileError(where + ": '" + std::string(key) + "' " + what);
}

int64_t inRange(int64_t value, std::string_view key, int64_t min, int64_t max,
                const std::string &where) {
  if (value < min || value > max)
    fail(where, key,
         "must lie between " + std::to_string(min) + " and " +
             std::to_string(max) + ", got " + std::to_string(value));
  return value;
}
} // namespace

json qnt::support::parseJson(std::string_view text, const std::string &where,
                             DuplicateKeys keys) {
  std::vector<std::set<std::string>> seen;
  auto check = [&](int depth, json::parse_event_t event, json &parsed) {
    if (depth > maxDepth)
      throw FileError(where + ": nested more than " + std::to_string(maxDepth) +
                      " levels deep");
    if (keys == DuplicateKeys::KeepLast)
      return true;
    if (event == json::parse_event_t::object_start)
      seen.emplace_back();
    else if (event == json::parse_event_t::object_end)
      seen.pop_back();
    else if (event == json::parse_event_t::key &&
             !seen.back().insert(parsed.get<std::string>()).second)
      throw FileError(where + ": the key '" + parsed.get<std::string>() +
                      "' appears twice");
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::parse_error &error) {
    throw FileError(where + ": " + position(text, error.byte) + ": " +
                    reason(error));
  } catch (const json::out_of_range &) {
    throw FileError(where + ": holds a number too large for a double");
  }
}

json qnt::support::readJson(const std::string &path, DuplicateKeys keys) {
  MappedFile file(path);
  std::span<const std::byte> bytes = file.bytes();
  return parseJson({reinterpret_cast<const char *>(bytes.data()), bytes.size()},
                   path, keys);
}

template <typename T>
std::optional<T> qnt::support::findField(const json &object,
                                         std::string_view key,
                                         const std::string &where) {
  if (!object.is_object())
    throw FileError(where + ": must be a JSON object, got " +
                    std::string(typeOf(object)));
  auto entry = object.find(key);
  if (entry == object.end() || entry->is_null())
    return std::nullopt;
  if (!Reader<T>::is(*entry))
    fail(where, key,
         std::string("must be ") + Reader<T>::expected + ", got " +
             std::string(typeOf(*entry)));
  return entry->template get<T>();
}

template <typename T>
T qnt::support::getField(const json &object, std::string_view key,
                         const std::string &where) {
  std::optional<T> value = findField<T>(object, key, where);
  if (!value)
    fail(where, key,
         std::string("is missing; expected ") + Reader<T>::expected);
  return *std::move(value);
}

int64_t qnt::support::getIntField(const json &object, std::string_view key,
                                  int64_t min, int64_t max,
                                  const std::string &where) {
  return inRange(getField<int64_t>(object, key, where), key, min, max, where);
}

std::optional<int64_t> qnt::support::findIntField(const json &object,
                                                  std::string_view key,
                                                  int64_t min, int64_t max,
                                                  const std::string &where) {
  std::optional<int64_t> value = findField<int64_t>(object, key, where);
  if (value)
    inRange(*value, key, min, max, where);
  return value;
}

#define QNT_JSON_ACCESS(T)                                                     \
  template T qnt::support::getField<T>(const json &, std::string_view,         \
                                       const std::string &);                   \
  template std::optional<T> qnt::support::findField<T>(                        \
      const json &, std::string_view, const std::string &);
QNT_JSON_ACCESS(bool)
QNT_JSON_ACCESS(int64_t)
QNT_JSON_ACCESS(double)
QNT_JSON_ACCESS(std::string)
QNT_JSON_ACCESS(json)
QNT_JSON_ACCESS(std::vector<bool>)
QNT_JSON_ACCESS(std::vector<int64_t>)
QNT_JSON_ACCESS(std::vector<double>)
QNT_JSON_ACCESS(std::vector<std::string>)
QNT_JSON_ACCESS(std::vector<json>)
#undef QNT_JSON_ACCESS
