//===- Json.cpp - JSON files and typed access to them ---------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/Json.h"

#include "qnt/Support/MappedFile.h"

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

/// Only the cause: the library's own text repeats the position, and ends with
/// what it read last, of any length.
std::string reason(const json::parse_error &error) {
  std::string text = error.what();
  size_t start = text.find(": ");
  text = start == text.npos ? text : text.substr(start + 2);
  return text.substr(0, text.find("; last read: "));
}

std::string typeOf(const json &value) {
  if (value.is_number_float())
    return "a number with a fraction or exponent";
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(INT64_MAX))
    return "an integer of 2^63 or more";
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

/// Whether a JSON value fits the C++ type T, what T expects, and what it got
/// instead.
template <typename T> struct Reader {
  static bool is(const json &value) { return value.is_object(); }
  static std::string expected() { return "an object"; }
  static std::string got(const json &value) { return typeOf(value); }
};
template <> bool Reader<bool>::is(const json &value) {
  return value.is_boolean();
}
template <> std::string Reader<bool>::expected() { return "a boolean"; }
template <> bool Reader<int64_t>::is(const json &value) {
  return value.is_number_integer() &&
         !(value.is_number_unsigned() &&
           value.get<uint64_t>() > uint64_t(INT64_MAX));
}
template <> std::string Reader<int64_t>::expected() { return "an integer"; }
template <> bool Reader<double>::is(const json &value) {
  return value.is_number();
}
template <> std::string Reader<double>::expected() { return "a number"; }
template <> bool Reader<std::string>::is(const json &value) {
  return value.is_string();
}
template <> std::string Reader<std::string>::expected() { return "a string"; }

template <typename T> struct Reader<std::vector<T>> {
  static bool is(const json &value) {
    return value.is_array() &&
           std::all_of(value.begin(), value.end(), Reader<T>::is);
  }
  static std::string expected() {
    return "an array, each element " + Reader<T>::expected();
  }
  static std::string got(const json &value) {
    if (!value.is_array())
      return typeOf(value);
    auto misfit = std::find_if_not(value.begin(), value.end(), Reader<T>::is);
    return "one with " + typeOf(*misfit);
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
    throw FileError(where + ": must be a JSON object, got " + typeOf(object));
  auto entry = object.find(key);
  if (entry == object.end() || entry->is_null())
    return std::nullopt;
  if (!Reader<T>::is(*entry))
    fail(where, key,
         "must be " + Reader<T>::expected() + ", got " +
             Reader<T>::got(*entry));
  return entry->template get<T>();
}

template <typename T>
T qnt::support::getField(const json &object, std::string_view key,
                         const std::string &where) {
  std::optional<T> value = findField<T>(object, key, where);
  if (!value)
    fail(where, key, "is missing; expected " + Reader<T>::expected());
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
