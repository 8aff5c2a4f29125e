//===- Model.cpp - a compiled model, for C++ ------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Model.h"
#include "Output.h"

#include <cstdlib>
#include <cstring>

using namespace qnt::run;

Buffer::Buffer(int64_t size) : length(size) {
  size_t rounded = (size_t(size) + 63) / 64 * 64;
  if (rounded == 0)
    rounded = 64;
  bytes.reset(static_cast<std::byte *>(std::aligned_alloc(64, rounded)));
  if (!bytes)
    throw RunError(format("out of memory: cannot allocate %lld bytes",
                          static_cast<long long>(size)));
  std::memset(bytes.get(), 0, rounded);
}

void Buffer::Free::operator()(std::byte *bytes) const { std::free(bytes); }

static int64_t product(const std::vector<int64_t> &shape) {
  int64_t elements = 1;
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(elements, extent, &elements))
      throw RunError("a tensor has too many elements");
  return elements;
}

Tensor::Tensor(qnt_dtype dtype, std::vector<int64_t> shape)
    : dtype(dtype), shape(std::move(shape)),
      buffer(product(this->shape) * qnt_dtype_size(dtype)) {}

int64_t Tensor::numElements() const {
  return buffer.size() / qnt_dtype_size(dtype);
}

qnt_tensor Tensor::view() const {
  return {buffer.data(), dtype, int32_t(shape.size()), shape.data(), nullptr};
}

Model::Model(const std::string &path, const Args &args) : path(path) {
  qnt_options options{};
  options.threads = args.threads;
  options.isa = args.isa.empty() ? nullptr : args.isa.c_str();
  options.params = args.map ? QNT_PARAMS_MAP : QNT_PARAMS_COPY;
  options.verify = args.verify;
  if (qnt_open(path.c_str(), &options, &handle) != QNT_OK)
    throw RunError(qnt_last_error());
  // The loader has parsed it before.
  manifest = nlohmann::json::parse(qnt_manifest(handle));
  if (!manifest.contains("kind") || !manifest["kind"].is_string())
    throw RunError(path + ": manifest: kind: expected a string");
  kind = manifest["kind"];
}

Model::~Model() { qnt_close(handle); }

void Model::needKind(const std::string &needed, const std::string &what) const {
  if (kind != needed)
    throw RunError(path + ": " + what + " needs a model of kind " + needed +
                   ", but this is a " + kind);
}

bool Model::hasEntry(const char *name) const {
  return qnt_find_entry(handle, name) >= 0;
}

int64_t Model::entry(const std::string &name) const {
  int64_t found = qnt_find_entry(handle, name.c_str());
  if (found >= 0)
    return found;
  std::string names;
  for (int64_t i = 0; i < qnt_num_entries(handle); ++i)
    names += (i ? ", " : "") + std::string(qnt_entry_name(handle, i));
  throw RunError(path + ": there is no entry '" + name +
                 "'; there are: " + names);
}

std::vector<const qnt_tensor_info *> Model::inputs(int64_t entry) const {
  std::vector<const qnt_tensor_info *> infos;
  for (int64_t i = 0; i < qnt_num_inputs(handle, entry); ++i)
    infos.push_back(qnt_input(handle, entry, i));
  return infos;
}

std::vector<const qnt_tensor_info *> Model::outputs(int64_t entry) const {
  std::vector<const qnt_tensor_info *> infos;
  for (int64_t i = 0; i < qnt_num_outputs(handle, entry); ++i)
    infos.push_back(qnt_output(handle, entry, i));
  return infos;
}

std::string_view Model::asset(const char *name) const {
  const qnt_asset *found = qnt_find_asset(handle, name);
  return found ? std::string_view(static_cast<const char *>(found->data),
                                  found->size)
               : std::string_view();
}

void Model::run(int64_t entry, std::span<const qnt_tensor> inputs,
                std::span<const qnt_tensor> outputs, const qnt_memory *memory) {
  if (qnt_run(handle, entry, inputs.data(), inputs.size(), outputs.data(),
              outputs.size(), memory) != QNT_OK)
    throw RunError(qnt_last_error());
}

void Model::setHook(Hook newHook) {
  hook = std::move(newHook);
  auto call = [](void *user, int64_t op, const qnt_tensor *output) {
    static_cast<Model *>(user)->hook(op, output);
  };
  qnt_set_after_op(handle, hook ? +call : nullptr, this);
}

void Model::setTimer(Timer newTimer) {
  timer = std::move(newTimer);
  auto call = [](void *user, int64_t op, double seconds) {
    static_cast<Model *>(user)->timer(op, seconds);
  };
  qnt_set_op_timer(handle, timer ? +call : nullptr, this);
}

ModelMemory::ModelMemory(const Model &model, int64_t size)
    : model(model.handle), bytes(qnt_allocate(model.handle, size)),
      length(size) {
  if (!bytes)
    throw RunError(qnt_last_error());
}

ModelMemory &ModelMemory::operator=(ModelMemory &&other) noexcept {
  std::swap(model, other.model);
  std::swap(bytes, other.bytes);
  std::swap(length, other.length);
  return *this;
}

ModelMemory::~ModelMemory() {
  if (bytes)
    qnt_release(model, bytes);
}

int64_t Model::property(const char *name) const {
  auto model = manifest.find("model");
  if (model == manifest.end() || !model->is_object() ||
      !model->contains(name) || !(*model)[name].is_number_integer())
    return 0;
  return (*model)[name];
}
