//===- ParamStore.cpp - memory-mapped parameters --------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Header.h"
#include "Sha256.h"

#include "qnt/Params/SafeTensors.h"
#include "qnt/Support/Json.h"
#include "qnt/Support/MappedFile.h"
#include "qnt/Support/Names.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

using namespace qnt::params;
using namespace qnt::support;
using nlohmann::json;

namespace {
/// The name in the folder of `path`.
std::string beside(const std::string &path, const std::string &name) {
  return (std::filesystem::path(path).parent_path() / name).string();
}

std::string findFile(const std::string &path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored))
    return path;
  std::filesystem::path folder(path);
  for (const char *name : {"model.safetensors", "model.safetensors.index.json"})
    if (std::filesystem::exists(folder / name, ignored))
      return (folder / name).string();
  throw ParamsError(path + ": the folder holds neither model.safetensors nor "
                           "model.safetensors.index.json");
}
} // namespace

struct ParamStore::Impl {
  std::string path;
  /// Empty for a store that lies in memory.
  std::vector<MappedFile> files;
  /// The bytes of each file, or of the one store in memory.
  std::vector<std::span<const std::byte>> parts;
  std::map<std::string, TensorView, std::less<>> tensors;
  std::map<std::string, std::string> metadata;
  std::once_flag hashed;
  std::string digest;

  Header addPart(std::span<const std::byte> bytes, const std::string &name) {
    Header header = parseHeader(bytes, name);
    if (parts.empty())
      metadata = header.metadata;
    parts.push_back(bytes);
    return header;
  }

  Header addFile(const std::string &name) {
    files.emplace_back(name);
    return addPart(files.back().bytes(), name);
  }

  /// The index decides: of each shard it takes the tensors that it names.
  void addIndex() {
    json index = readJson(path, DuplicateKeys::Refuse);
    json weightMap = getField<json>(index, "weight_map", path);
    std::map<std::string, std::vector<std::string>> shards;
    for (const auto &[name, shard] : weightMap.items()) {
      std::string where = path + ": 'weight_map'";
      std::string file = getField<std::string>(weightMap, name, where);
      if (file.empty() || file == ".." ||
          file.find_first_of(std::string_view("/\0", 2)) != file.npos)
        throw ParamsError(where + ": tensor '" + name + "': '" + file +
                          "' is no plain file name");
      shards[file].push_back(name);
    }
    for (const auto &[shard, names] : shards) {
      std::string file = beside(path, shard);
      if (!std::filesystem::exists(file))
        throw ParamsError(file + ": the shard is missing; " + path +
                          " places tensor '" + names.front() + "' in it");
      Header header = addFile(file);
      for (const std::string &name : names) {
        auto tensor = header.tensors.extract(name);
        if (tensor.empty())
          throw ParamsError(file + ": has no tensor '" + name + "', which " +
                            path + " places in it");
        tensors.insert(std::move(tensor));
      }
    }
  }

  std::string hash(size_t part) const {
    Sha256 hash;
    if (files.empty()) {
      hash.update(parts[part]);
      return hash.finish();
    }
    std::vector<std::byte> chunk(1 << 20);
    int64_t offset = 0;
    while (size_t got = files[part].read(offset, chunk)) {
      hash.update(std::span(chunk).first(got));
      offset += int64_t(got);
    }
    return hash.finish();
  }
};

ParamStore::ParamStore(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
ParamStore::~ParamStore() = default;

std::shared_ptr<ParamStore> ParamStore::open(const std::string &path) {
  auto impl = std::make_unique<Impl>();
  impl->path = findFile(path);
  try {
    if (impl->path.ends_with(".json"))
      impl->addIndex();
    else
      impl->tensors = impl->addFile(impl->path).tensors;
  } catch (const FileError &error) {
    throw ParamsError(error.what());
  }
  return std::shared_ptr<ParamStore>(new ParamStore(std::move(impl)));
}

std::shared_ptr<ParamStore>
ParamStore::fromMemory(std::span<const std::byte> file,
                       const std::string &name) {
  auto impl = std::make_unique<Impl>();
  impl->path = name;
  impl->tensors = impl->addPart(file, name).tensors;
  return std::shared_ptr<ParamStore>(new ParamStore(std::move(impl)));
}

const TensorView *ParamStore::find(std::string_view name) const {
  auto found = impl->tensors.find(name);
  return found == impl->tensors.end() ? nullptr : &found->second;
}

const TensorView &ParamStore::get(std::string_view name) const {
  if (const TensorView *tensor = find(name))
    return *tensor;
  std::string message =
      impl->path + ": there is no tensor '" + std::string(name) + "'";
  std::string nearest = support::findNearest(name, names());
  if (!nearest.empty())
    message += "; the nearest name is '" + nearest + "'";
  throw ParamsError(message);
}

std::vector<std::string> ParamStore::names() const {
  std::vector<std::string> names;
  for (const auto &[name, tensor] : impl->tensors)
    names.push_back(name);
  return names;
}

const std::string &ParamStore::path() const { return impl->path; }

const std::map<std::string, std::string> &ParamStore::metadata() const {
  return impl->metadata;
}

int64_t ParamStore::totalBytes() const {
  int64_t total = 0;
  for (const auto &[name, tensor] : impl->tensors)
    total += int64_t(tensor.bytes.size());
  return total;
}

std::string ParamStore::sha256() const {
  std::call_once(impl->hashed, [&] {
    try {
      if (impl->parts.size() == 1) {
        impl->digest = impl->hash(0);
        return;
      }
      Sha256 joined;
      for (size_t i = 0; i < impl->parts.size(); ++i) {
        std::string hex = impl->hash(i);
        joined.update(std::as_bytes(std::span(hex)));
      }
      impl->digest = joined.finish();
    } catch (const FileError &error) {
      throw ParamsError(error.what());
    }
  });
  return impl->digest;
}

void ParamStore::release(const TensorView &tensor) const {
  const std::byte *begin = tensor.bytes.data();
  for (const MappedFile &file : impl->files)
    if (begin >= file.bytes().data() &&
        begin + tensor.bytes.size() <=
            file.bytes().data() + file.bytes().size())
      file.release(tensor.bytes);
}
