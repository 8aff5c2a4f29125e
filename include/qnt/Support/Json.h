//===- Json.h - JSON files and typed access to them -------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_JSON_H
#define QNT_SUPPORT_JSON_H

#include "qnt/Support/Error.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::support {

/// What to do with an object that has a key twice. Python and most readers keep
/// the last value; where a lost value would be a lost tensor, refuse.
enum class DuplicateKeys { KeepLast, Refuse };

/// Parses JSON text. `where` names its source in errors. Throws FileError:
/// "<where>: line 3, column 7: <what is wrong>".
nlohmann::json parseJson(std::string_view text, const std::string &where,
                         DuplicateKeys keys = DuplicateKeys::KeepLast);

/// Reads and parses a JSON file. Throws FileError.
nlohmann::json readJson(const std::string &path,
                        DuplicateKeys keys = DuplicateKeys::KeepLast);

/// The value of `key` in `object`, as a T: bool, int64_t, double (which takes
/// integers too), std::string, or a std::vector of one of these, or
/// nlohmann::json for a nested object. `where` names the source in errors: the
/// file, and for nested objects the key that led there ("config.json:
/// rope_scaling"). Throws FileError when the key is missing or its value has
/// another type: "<where>: 'hidden_size' must be an integer, got a string".
template <typename T>
T getField(const nlohmann::json &object, std::string_view key,
           const std::string &where);

/// As `getField`, but without a value when the key is missing or null.
template <typename T>
std::optional<T> findField(const nlohmann::json &object, std::string_view key,
                           const std::string &where);

/// As `getField<int64_t>`; also throws when the value lies outside [min, max].
int64_t getIntField(const nlohmann::json &object, std::string_view key,
                    int64_t min, int64_t max, const std::string &where);

/// As `findField<int64_t>`; also throws when the value lies outside [min, max].
std::optional<int64_t> findIntField(const nlohmann::json &object,
                                    std::string_view key, int64_t min,
                                    int64_t max, const std::string &where);

} // namespace qnt::support

#endif // QNT_SUPPORT_JSON_H
