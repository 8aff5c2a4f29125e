//===- Arrays.cpp - tensors from and to numpy's files ---------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"
#include "Output.h"
#include "qnt/Support/Half.h"

#include <algorithm>

using namespace qnt::run;
using namespace qnt::support;

static std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// With symbolic dimensions by name.
static std::string shapeText(const Model &model, int64_t entry,
                             const qnt_tensor_info &info) {
  std::string text = "[";
  for (int32_t i = 0; i < info.rank; ++i)
    text += (i ? ", " : "") +
            (info.shape[i] >= 0 ? std::to_string(info.shape[i])
             : info.shape[i] == QNT_DIM_COMPUTED
                 ? "?"
                 : qnt_dim_name(model.handle, entry, -1 - info.shape[i]));
  return text + "]";
}

/// Splits "name=file"; the name is empty when there is none.
static std::pair<std::string, std::string> splitName(const std::string &word) {
  size_t equals = word.find('=');
  if (equals == word.npos)
    return {"", word};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

Arrays qnt::run::readInputs(const Model &model, int64_t entry,
                            const Args &args) {
  Arrays arrays;
  auto infos = model.inputs(entry);
  for (const std::string &word : args.inputs) {
    auto [name, file] = splitName(word);
    if (file.ends_with(".npz")) {
      if (!name.empty())
        throw RunError("--input " + word +
                       ": an .npz names its arrays itself: leave the name out");
      arrays.merge(readNpz(file));
      continue;
    }
    if (name.empty() && infos.size() != 1)
      throw RunError("--input " + word +
                     ": expected NAME=FILE, as the entry "
                     "has " +
                     std::to_string(infos.size()) + " inputs");
    arrays.insert_or_assign(name.empty() ? infos[0]->name : name,
                            readNpy(file));
  }
  return arrays;
}

Tensor qnt::run::toTensor(const Model &model, int64_t entry,
                          const qnt_tensor_info &info, const NpyArray &array) {
  std::string where = model.path + ": input '" + info.name + "': expected ";
  std::string found(name(array.type));
  bool round = info.dtype == QNT_BF16 && array.type == NpyType::F32;
  if (!round && found != qnt_dtype_name(info.dtype))
    throw RunError(where + qnt_dtype_name(info.dtype) + ", found " + found);
  bool fits = int64_t(array.shape.size()) == info.rank;
  for (int32_t i = 0; fits && i < info.rank; ++i)
    fits = info.shape[i] < 0 || info.shape[i] == array.shape[i];
  if (!fits)
    throw RunError(where + "shape " + shapeText(model, entry, info) +
                   ", found " + shapeText(array.shape));
  Tensor tensor(info.dtype, array.shape);
  if (!round) {
    std::ranges::copy(array.bytes, tensor.buffer.data());
    return tensor;
  }
  auto out = tensor.as<uint16_t>();
  auto floats = array.toFloats();
  std::transform(floats.begin(), floats.end(), out.begin(), floatToBf16);
  return tensor;
}

std::vector<Tensor> qnt::run::toTensors(const Model &model, int64_t entry,
                                        const Arrays &arrays) {
  std::vector<Tensor> tensors;
  std::string names;
  for (const qnt_tensor_info *info : model.inputs(entry)) {
    names += (names.empty() ? "" : ", ") + std::string(info->name);
    auto found = arrays.find(info->name);
    if (found == arrays.end())
      throw RunError(model.path + ": missing input '" + info->name + "' (" +
                     qnt_dtype_name(info->dtype) + " " +
                     shapeText(model, entry, *info) + ")");
    tensors.push_back(toTensor(model, entry, *info, found->second));
  }
  for (const auto &[name, array] : arrays)
    if (std::ranges::none_of(model.inputs(entry),
                             [&](auto *info) { return info->name == name; }))
      throw RunError(model.path + ": entry '" +
                     qnt_entry_name(model.handle, entry) + "' has no input '" +
                     name + "'; it has: " + names);
  return tensors;
}

Call::Call(Model &model, int64_t entry, const Args &args,
           std::vector<Tensor> given)
    : inputs(std::move(given)), model(model), entry(entry) {
  // -1 where nothing tells a dimension.
  std::vector<int64_t> dims(qnt_num_dims(model.handle, entry), -1);
  int64_t batch = 1;
  auto infos = model.inputs(entry);
  for (size_t i = 0; i < inputs.size(); ++i)
    for (int32_t k = 0; k < infos[i]->rank; ++k)
      if (infos[i]->shape[k] < 0)
        dims[-1 - infos[i]->shape[k]] = inputs[i].shape[k];
  for (size_t d = 0; d < dims.size(); ++d) {
    std::string_view name = qnt_dim_name(model.handle, entry, d);
    if (name == "batch")
      batch = dims[d];
    if (name == "max_length")
      dims[d] = memory.max_length =
          args.context ? args.context : model.property("max_length");
    dimensions.emplace(name, dims[d]);
  }
  cache =
      ModelMemory(model, qnt_kv_bytes(model.handle, batch, memory.max_length));
  memory.kv = cache.data();
  memory.kv_bytes = cache.size();

  auto unknown = std::ranges::find(dims, -1);
  if (unknown != dims.end())
    throw RunError(model.path + ": no input tells the dimension '" +
                   qnt_dim_name(model.handle, entry, unknown - dims.begin()) +
                   "'");
  for (const qnt_tensor_info *info : model.outputs(entry)) {
    std::vector<int64_t> shape(size_t(info->rank));
    if (qnt_output_shape(model.handle, entry, dims.data(),
                         int64_t(outputs.size()), shape.data()) != QNT_OK)
      throw RunError(qnt_last_error());
    outputs.emplace_back(info->dtype, std::move(shape));
  }
  for (const Tensor &tensor : inputs)
    in.push_back(tensor.view());
  for (const Tensor &tensor : outputs)
    out.push_back(tensor.view());
}

void Call::run() { model.run(entry, in, out, &memory); }

void qnt::run::writeTensor(const std::string &path, const Tensor &tensor) {
  static const std::map<qnt_dtype, NpyType> types = {
      {QNT_F32, NpyType::F32}, {QNT_F16, NpyType::F16},
      {QNT_F64, NpyType::F64}, {QNT_I8, NpyType::I8},
      {QNT_U8, NpyType::U8},   {QNT_I16, NpyType::I16},
      {QNT_U16, NpyType::U16}, {QNT_I32, NpyType::I32},
      {QNT_U32, NpyType::U32}, {QNT_I64, NpyType::I64},
      {QNT_U64, NpyType::U64}, {QNT_BOOL, NpyType::Bool}};
  if (tensor.dtype != QNT_BF16) {
    writeNpy(path, types.at(tensor.dtype), tensor.shape,
             {tensor.buffer.data(), size_t(tensor.buffer.size())});
    return;
  }
  auto halves = tensor.as<uint16_t>();
  std::vector<float> floats(halves.size());
  std::transform(halves.begin(), halves.end(), floats.begin(), bf16ToFloat);
  writeNpy(path, NpyType::F32, tensor.shape, std::as_bytes(std::span(floats)));
}

int64_t qnt::run::chosenEntry(const Model &model, const Args &args) {
  if (!args.entry.empty())
    return model.entry(args.entry);
  for (const char *name : {"main", "forward", "score"})
    if (model.hasEntry(name))
      return model.entry(name);
  return model.entry("main");
}
