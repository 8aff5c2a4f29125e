//===- Manifest.cpp - what a compiled model says of itself ----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Manifest.h"
#include "Error.h"

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace qnt::runtime;
using Json = nlohmann::json;

namespace {

/// Reads values out of the manifest and says where one is not as expected.
class Reader {
public:
  explicit Reader(const std::string &path) : path(path) {}

  [[noreturn]] void complain(const std::string &where,
                             const std::string &expected) const {
    fail(QNT_ERROR_FORMAT,
         path + ": manifest: " + where + ": expected " + expected);
  }

  const Json &member(const Json &object, const std::string &where,
                     const char *key) const {
    if (!object.is_object() || !object.contains(key))
      complain(where.empty() ? key : where + "." + key, "to be present");
    return object[key];
  }

  std::string text(const Json &object, const std::string &where,
                   const char *key) const {
    const Json &value = member(object, where, key);
    if (!value.is_string())
      complain(where + "." + key, "a string");
    return value.get<std::string>();
  }

  const Json &list(const Json &object, const std::string &where,
                   const char *key) const {
    const Json &value = member(object, where, key);
    if (!value.is_array())
      complain(where.empty() ? key : where + "." + key, "a list");
    return value;
  }

  qnt_dtype dtype(const Json &object, const std::string &where) const {
    std::string name = text(object, where, "dtype");
    for (int d = QNT_F32; d <= QNT_U64; ++d)
      if (name == qnt_dtype_name(qnt_dtype(d)))
        return qnt_dtype(d);
    complain(where + ".dtype", "a dtype, found '" + name + "'");
  }

  std::vector<Extent> shape(const Json &object,
                            const std::string &where) const {
    std::vector<Extent> extents;
    for (const Json &value : list(object, where, "shape")) {
      Extent &extent = extents.emplace_back();
      if (value.is_string())
        extent.dim = value.get<std::string>();
      else if (value.is_number_integer() && value.get<int64_t>() >= 0)
        extent.size = value.get<int64_t>();
      else if (value.is_null())
        extent.size = QNT_DIM_COMPUTED;
      else
        complain(where + ".shape", "sizes, names of dimensions and null");
    }
    if (extents.size() > maxRank)
      complain(where + ".shape", "rank at most " + std::to_string(maxRank));
    return extents;
  }

  std::vector<TensorSpec> tensors(const Json &object, const std::string &where,
                                  const char *key,
                                  const EntrySpec &entry) const {
    std::vector<TensorSpec> specs;
    for (const Json &value : list(object, where, key)) {
      std::string at =
          where + "." + key + "[" + std::to_string(specs.size()) + "]";
      TensorSpec &spec = specs.emplace_back();
      spec.name = text(value, at, "name");
      spec.dtype = dtype(value, at);
      for (const Extent &extent : shape(value, at)) {
        auto dim = std::ranges::find(entry.dims, extent.dim);
        if (!extent.dim.empty() && dim == entry.dims.end())
          complain(at + ".shape", "'" + extent.dim + "' among the dims");
        if (extent.size == QNT_DIM_COMPUTED && key == std::string("inputs"))
          complain(at + ".shape", "sizes and names of dimensions");
        spec.shape.push_back(
            extent.dim.empty() ? extent.size : -1 - (dim - entry.dims.begin()));
      }
    }
    return specs;
  }

  EntrySpec entry(const Json &value, const std::string &where) const {
    EntrySpec entry;
    entry.name = text(value, where, "name");
    for (const Json &dim : list(value, where, "dims")) {
      if (!dim.is_string() || dim.get<std::string>().empty())
        complain(where + ".dims", "names");
      entry.dims.push_back(dim.get<std::string>());
    }
    if (entry.dims.size() > maxDims)
      complain(where + ".dims", "at most " + std::to_string(maxDims));
    entry.inputs = tensors(value, where, "inputs", entry);
    entry.outputs = tensors(value, where, "outputs", entry);
    if (value.contains("kv")) {
      if (!value["kv"].is_boolean())
        complain(where + ".kv", "true or false");
      entry.kv = value["kv"].get<bool>();
    }
    return entry;
  }

  OpSpec op(const Json &value, const std::string &where) const {
    OpSpec op;
    op.name = text(value, where, "name");
    if (text(value, where, "dtype") == "none")
      return op;
    op.dtype = dtype(value, where);
    op.rank = shape(value, where).size();
    return op;
  }

  int64_t number(const Json &object, const std::string &where, const char *key,
                 int64_t most) const {
    const Json &value = member(object, where, key);
    if (!value.is_number_integer() || value.get<int64_t>() < 0 ||
        value.get<int64_t>() > most)
      complain(where + "." + key, "a number up to " + std::to_string(most));
    return value.get<int64_t>();
  }

  TensorMapSpec tensorMap(const Json &value, const std::string &where,
                          size_t kernels) const {
    TensorMapSpec map;
    map.kernel = size_t(number(value, where, "kernel", int64_t(kernels) - 1));
    map.argument = size_t(number(value, where, "argument", maxArguments - 1));
    map.rows = size_t(number(value, where, "rows", maxArguments - 1));
    map.elementBytes = number(value, where, "element_bytes", 2);
    map.columns = number(value, where, "columns", INT32_MAX);
    map.rowBytes = number(value, where, "row_bytes", INT32_MAX);
    map.boxColumns = number(value, where, "box_columns", 256);
    map.boxRows = number(value, where, "box_rows", 256);
    return map;
  }

  DeviceSpec device(const Json &value) const {
    DeviceSpec device;
    device.chip = text(value, "device", "chip");
    for (const Json &name : list(value, "device", "kernels")) {
      if (!name.is_string())
        complain("device.kernels", "names");
      device.kernels.push_back(name.get<std::string>());
    }
    if (value.contains("tensor_maps"))
      for (const Json &map : list(value, "device", "tensor_maps"))
        device.tensorMaps.push_back(
            tensorMap(map,
                      "device.tensor_maps[" +
                          std::to_string(device.tensorMaps.size()) + "]",
                      device.kernels.size()));
    const Json &bytes = member(value, "device", "workspace");
    if (!bytes.is_number_integer() || bytes.get<int64_t>() < 0)
      complain("device.workspace", "a number of bytes");
    device.workspace = bytes.get<int64_t>();
    return device;
  }

private:
  const std::string &path;
};

std::string join(const std::vector<std::string> &words) {
  std::string text = "[";
  for (size_t i = 0; i < words.size(); ++i)
    text += (i ? ", " : "") + words[i];
  return text + "]";
}

} // namespace

Manifest Manifest::parse(const std::string &path, const char *json) {
  Reader reader(path);
  Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object())
    fail(QNT_ERROR_FORMAT, path + ": the manifest is not a JSON object");

  Manifest manifest;
  manifest.takesEmpty = root.value("kind", Json()) == "graph";
  const Json &file = reader.member(root, "", "params_file");
  const Json &size = reader.member(file, "params_file", "size");
  if (!size.is_number_integer() || size.get<int64_t>() < 0)
    reader.complain("params_file.size", "a number of bytes");
  manifest.paramsSize = size.get<int64_t>();
  manifest.paramsSha256 = reader.text(file, "params_file", "sha256");
  for (const Json &name : reader.list(root, "", "params")) {
    if (!name.is_string())
      reader.complain("params", "names");
    manifest.params.push_back(name.get<std::string>());
  }
  for (const Json &value : reader.list(root, "", "entries"))
    manifest.entries.push_back(reader.entry(
        value, "entries[" + std::to_string(manifest.entries.size()) + "]"));
  if (root.contains("ops"))
    for (const Json &value : reader.list(root, "", "ops"))
      manifest.ops.push_back(
          reader.op(value, "ops[" + std::to_string(manifest.ops.size()) + "]"));
  if (root.contains("device"))
    manifest.device = reader.device(root["device"]);
  if (root.contains("model") && root["model"].is_object()) {
    const Json &model = root["model"];
    auto number = [&](const char *key) -> int64_t {
      return model.contains(key) && model[key].is_number_integer()
                 ? model[key].get<int64_t>()
                 : 0;
    };
    manifest.vocabSize = number("vocab_size");
    manifest.maxLength = number("max_length");
    manifest.tokenTypes = number("token_types");
  }
  return manifest;
}

std::string qnt::runtime::shapeText(const int64_t *shape, size_t rank) {
  std::vector<std::string> words;
  for (size_t i = 0; i < rank; ++i)
    words.push_back(std::to_string(shape[i]));
  return join(words);
}

std::string qnt::runtime::shapeText(const TensorSpec &spec,
                                    const EntrySpec &entry) {
  std::vector<std::string> words;
  for (int64_t extent : spec.shape)
    words.push_back(extent >= 0                  ? std::to_string(extent)
                    : extent == QNT_DIM_COMPUTED ? "?"
                                                 : entry.dims[-1 - extent]);
  return join(words);
}
