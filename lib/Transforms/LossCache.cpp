//===- LossCache.cpp - losses kept between runs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LossCache.h"

#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/Json.h"

#include "llvm/Support/FileSystem.h"

#include <nlohmann/json.hpp>

using namespace qnt;
using nlohmann::json;
using support::FileError;
using support::getField;

static constexpr int64_t fileVersion = 2;

LossCache::LossCache(std::string path, std::string metric, std::string key)
    : path(std::move(path)), metric(std::move(metric)), key(std::move(key)) {
  if (this->path.empty() || !llvm::sys::fs::exists(this->path))
    return;
  json file = support::readJson(this->path);
  if (!file.is_object() || support::findField<std::string>(
                               file, "format", this->path) != "qnt-sensitivity")
    throw FileError(this->path +
                    ": expected a file of losses, whose 'format' is "
                    "'qnt-sensitivity'");
  if (getField<int64_t>(file, "version", this->path) != fileVersion)
    return;
  json metrics = getField<json>(file, "metrics", this->path);
  for (const auto &[name, all] : metrics.items())
    others[name] = all;
  auto own = others.find(this->metric);
  if (own == others.end() ||
      getField<std::string>(own->second, "key", this->path) != this->key)
    return;
  json all = getField<json>(own->second, "losses", this->path);
  for (const auto &[weight, formats] : all.items())
    for (const auto &[format, loss] : formats.items()) {
      if (!loss.is_number())
        throw FileError(this->path + ": the loss of '" + weight + "' in " +
                        format + " must be a number");
      losses[weight][format] = loss;
    }
}

std::optional<double> LossCache::find(const std::string &weight,
                                      const std::string &format) const {
  auto formats = losses.find(weight);
  if (formats == losses.end())
    return std::nullopt;
  auto loss = formats->second.find(format);
  if (loss == formats->second.end())
    return std::nullopt;
  return loss->second;
}

void LossCache::add(const std::string &weight, const std::string &format,
                    double loss) {
  losses[weight][format] = loss;
  if (path.empty())
    return;
  others[metric] = {{"key", key}, {"losses", losses}};
  json file = {{"format", "qnt-sensitivity"},
               {"version", fileVersion},
               {"metrics", others}};
  support::writeFileAtomically(path, file.dump(1) + "\n");
}
