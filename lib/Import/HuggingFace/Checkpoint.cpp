//===- Checkpoint.cpp - a checkpoint folder and its configuration --------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Checkpoint.h"

#include "qnt/Support/Json.h"

#include <cmath>
#include <filesystem>

using namespace qnt::huggingface;
using nlohmann::json;
namespace fs = std::filesystem;

Config::Config(json object, std::string where)
    : object(std::move(object)), place(std::move(where)) {
  if (!this->object.is_object())
    fail(std::string("must be a JSON object, got ") + this->object.type_name());
}

void Config::fail(const std::string &message) const {
  throw ImportError(place + ": " + message);
}

int64_t Config::size(const char *key) const {
  return support::getIntField(object, key, 1, maxSize, place);
}

int64_t Config::size(const char *key, int64_t missing) const {
  return findSize(key).value_or(missing);
}

std::optional<int64_t> Config::findSize(const char *key) const {
  return support::findIntField(object, key, 1, maxSize, place);
}

double Config::number(const char *key) const {
  if (!has(key))
    fail("'" + std::string(key) + "' is missing");
  return *findNumber(key);
}

double Config::number(const char *key, double missing) const {
  return findNumber(key).value_or(missing);
}

std::optional<double> Config::findNumber(const char *key) const {
  std::optional<double> value = support::findField<double>(object, key, place);
  if (value && !(std::isfinite(*value) && *value >= 0))
    fail("'" + std::string(key) + "' must be a number of at least 0, got " +
         object[key].dump());
  return value;
}

bool Config::flag(const char *key, bool missing) const {
  return support::findField<bool>(object, key, place).value_or(missing);
}

std::string Config::text(const char *key, const std::string &missing) const {
  return support::findField<std::string>(object, key, place).value_or(missing);
}

std::optional<std::vector<std::string>>
Config::findTexts(const char *key) const {
  return support::findField<std::vector<std::string>>(object, key, place);
}

std::optional<std::vector<int64_t>>
Config::findIntegers(const char *key) const {
  return support::findField<std::vector<int64_t>>(object, key, place);
}

std::optional<Config> Config::findObject(const char *key) const {
  if (!has(key))
    return std::nullopt;
  return Config(support::getField<json>(object, key, place),
                place + ": " + key);
}

bool Config::has(const char *key) const {
  auto entry = object.find(key);
  return entry != object.end() && !entry->is_null();
}

Config qnt::huggingface::readConfig(const std::string &path) {
  return Config(support::readJson(path), path);
}

std::string Checkpoint::path(const std::string &file) const {
  return (fs::path(folder) / file).string();
}

bool Checkpoint::has(const std::string &file) const {
  std::error_code ignored;
  return fs::exists(path(file), ignored);
}

Checkpoint qnt::huggingface::openCheckpoint(const std::string &folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw ImportError(folder + ": expected a checkpoint folder");
  Config config = readConfig((fs::path(folder) / "config.json").string());
  // Their tensors are codes and scales, which the names do not tell.
  if (std::optional<Config> scheme = config.findObject("quantization_config"))
    scheme->fail("the checkpoint is quantised (" +
                 scheme->text("quant_method", "unknown method") +
                 "), expected one of float weights");
  return {folder, std::move(config), params::ParamStore::open(folder)};
}
