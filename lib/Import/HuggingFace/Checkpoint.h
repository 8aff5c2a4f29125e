//===- Checkpoint.h - a checkpoint folder and its configuration -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_CHECKPOINT_H
#define QNT_IMPORT_HUGGINGFACE_CHECKPOINT_H

#include "../Graph/Tensors.h"

#include "qnt/Params/SafeTensors.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace qnt::huggingface {

using importer::ImportError;
using importer::maxSize;

/// Typed access to one JSON object. Every function throws an error that names
/// the file and the key.
class Config {
public:
  /// `where` is the path of the file, for nested objects with the key.
  Config(nlohmann::json object, std::string where);

  /// An integer of 1 to maxSize.
  int64_t size(const char *key) const;
  int64_t size(const char *key, int64_t missing) const;
  /// As `size`, without a value when the key is missing or null.
  std::optional<int64_t> findSize(const char *key) const;
  /// A finite number of at least zero.
  double number(const char *key) const;
  double number(const char *key, double missing) const;
  std::optional<double> findNumber(const char *key) const;
  bool flag(const char *key, bool missing) const;
  std::string text(const char *key, const std::string &missing) const;
  std::optional<std::vector<std::string>> findTexts(const char *key) const;
  std::optional<std::vector<int64_t>> findIntegers(const char *key) const;
  std::optional<Config> findObject(const char *key) const;
  /// Whether the key is there with a value other than null.
  bool has(const char *key) const;
  const nlohmann::json &value() const { return object; }
  const std::string &where() const { return place; }
  /// Throws "<where>: <message>".
  [[noreturn]] void fail(const std::string &message) const;

private:
  nlohmann::json object;
  std::string place;
};

/// Reads a JSON file that holds an object.
Config readConfig(const std::string &path);

struct Checkpoint {
  std::string folder;
  Config config;
  std::shared_ptr<params::ParamStore> params;

  /// The path of a file of the folder.
  std::string path(const std::string &file) const;
  /// Whether the folder has that file.
  bool has(const std::string &file) const;
};

/// Opens a folder. Throws ImportError, FileError or ParamsError.
Checkpoint openCheckpoint(const std::string &folder);

} // namespace qnt::huggingface

#endif // QNT_IMPORT_HUGGINGFACE_CHECKPOINT_H
