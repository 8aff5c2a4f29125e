//===- Model.cpp - an opened model ----------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Model.h"
#include "CPU.h"
#include "Error.h"
#include "Threads.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace qnt::runtime;

/// `path` with its extension replaced.
static std::string paramsPath(const std::string &path) {
  size_t slash = path.find_last_of('/'), dot = path.find_last_of('.');
  bool hasExtension =
      dot != path.npos && (slash == path.npos || dot > slash + 1);
  return (hasExtension ? path.substr(0, dot) : path) + ".safetensors";
}

/// The C view of tensor specs; points into them.
static std::vector<qnt_tensor_info>
publish(const std::vector<TensorSpec> &specs) {
  std::vector<qnt_tensor_info> infos;
  for (const TensorSpec &spec : specs)
    infos.push_back({spec.name.c_str(), spec.dtype, int32_t(spec.shape.size()),
                     spec.shape.data()});
  return infos;
}

qnt_model::qnt_model(const std::string &path, const qnt_options &options)
    : path(path) {
  if (options.threads < 0)
    fail(QNT_ERROR_ARGUMENT, "the number of threads must not be negative");
  module = object.load(path);
  manifest = Manifest::parse(path, module->manifest);
  chooseVariant(options.isa);
  checkEntries();
  for (const EntrySpec &entry : manifest.entries)
    entries.push_back({publish(entry.inputs), publish(entry.outputs)});

  context.parallel_for =
      options.parallel_for ? options.parallel_for : openmpParallelFor;
  context.user = options.user;
  context.num_threads = options.threads ? options.threads : defaultThreads();

  std::string file = paramsPath(path);
  std::span<const std::byte> embedded;
  if (const qnt_asset *asset = findAsset("params.safetensors")) {
    file = path + " (embedded parameters)";
    embedded = {static_cast<const std::byte *>(asset->data),
                size_t(asset->size)};
  }
  if (manifest.device)
    openDevice();
  params.load(file, embedded, manifest, options.params, options.verify, context,
              device.get());
}

const qnt_asset *qnt_model::findAsset(std::string_view name) const {
  for (int64_t i = 0; i < module->num_assets; ++i)
    if (module->assets[i].name == name)
      return &module->assets[i];
  return nullptr;
}

void qnt_model::openDevice() {
  const qnt_asset *code = findAsset("kernels");
  if (!code)
    fail(QNT_ERROR_FORMAT, path + ": there is no asset 'kernels'");
  device = std::make_unique<Device>(path, *manifest.device, code->data);
  context.launch = [](const qnt_context *ctx, int64_t kernel,
                      const int64_t *shape, const uint64_t *args,
                      int64_t numArgs) {
    static_cast<const CallContext *>(ctx)->model->device->launch(kernel, shape,
                                                                 args, numArgs);
  };
  context.workspace = device->getWorkspace();
  if (const qnt_asset *asset = findAsset("constants")) {
    constants = device->allocate(size_t(asset->size), "the constants");
    device->copyIn(constants.data(), asset->data, size_t(asset->size));
    context.constants = constants.data();
  }
}

void *qnt_model::allocate(int64_t bytes) {
  if (!device) {
    size_t rounded = (size_t(std::max<int64_t>(bytes, 1)) + 63) / 64 * 64;
    void *memory = std::aligned_alloc(64, rounded);
    if (!memory)
      fail(QNT_ERROR_MEMORY, path + ": out of memory: cannot allocate " +
                                 std::to_string(bytes) + " bytes");
    return std::memset(memory, 0, rounded);
  }
  std::lock_guard<std::mutex> lock(deviceMutex);
  DeviceMemory memory = device->allocate(size_t(bytes), "a buffer");
  void *data = memory.data();
  allocated[data] = std::move(memory);
  return data;
}

void qnt_model::release(void *memory) {
  if (!device)
    return std::free(memory);
  std::lock_guard<std::mutex> lock(deviceMutex);
  allocated.erase(memory);
}

void qnt_model::chooseVariant(const char *isa) {
  if (!isa || !*isa)
    isa = std::getenv("QNT_ISA");
  std::string carried, missing;
  for (int64_t i = 0; i < module->num_variants; ++i) {
    const qnt_variant &candidate = module->variants[i];
    carried += (carried.empty() ? "" : ", ") + std::string(candidate.isa);
    if (isa && *isa && std::string_view(candidate.isa) != isa)
      continue;
    // Whether a GPU is there is asked when it is opened.
    missing = manifest.device ? "" : firstMissingFeature(candidate.features);
    if (missing.empty())
      missing = requestPermission(candidate.features);
    if (missing.empty()) {
      variant = &candidate;
      return;
    }
    if (isa && *isa)
      fail(QNT_ERROR_UNSUPPORTED, path + ": this CPU cannot run the variant '" +
                                      isa + "': it lacks " + missing);
  }
  if (isa && *isa)
    fail(QNT_ERROR_UNSUPPORTED, path + ": there is no variant '" + isa +
                                    "'; the model carries: " + carried);
  fail(QNT_ERROR_UNSUPPORTED, path +
                                  ": this CPU can run none of the variants "
                                  "that the model carries: " +
                                  carried + " (the last lacks " + missing +
                                  ")");
}

void qnt_model::checkEntries() const {
  if (variant->num_entries != int64_t(manifest.entries.size()))
    fail(QNT_ERROR_FORMAT, path + ": variant '" + variant->isa + "' has " +
                               std::to_string(variant->num_entries) +
                               " entries, but the manifest lists " +
                               std::to_string(manifest.entries.size()));
  for (int64_t i = 0; i < variant->num_entries; ++i) {
    const EntrySpec &spec = manifest.entries[i];
    if (spec.name != variant->entries[i].name)
      fail(QNT_ERROR_FORMAT,
           path + ": entry " + std::to_string(i) + " of variant '" +
               variant->isa + "' is '" + variant->entries[i].name +
               "', but the manifest says '" + spec.name + "'");
    bool isComputed = std::ranges::any_of(spec.outputs, [](auto &output) {
      return std::ranges::find(output.shape, QNT_DIM_COMPUTED) !=
             output.shape.end();
    });
    if (isComputed && !variant->entries[i].output_dims)
      fail(QNT_ERROR_FORMAT, path + ": entry '" + spec.name +
                                 "' has outputs of computed shapes, but no "
                                 "output_dims");
    if (spec.inputs.size() > maxTensors || spec.outputs.size() > maxTensors)
      fail(QNT_ERROR_FORMAT, path + ": entry '" + spec.name + "': more than " +
                                 std::to_string(maxTensors) +
                                 " inputs or outputs");
  }
}
