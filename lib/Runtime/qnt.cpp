//===- qnt.cpp - the loader's public C API --------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "qnt/Runtime/qnt.h"
#include "Error.h"
#include "Model.h"

#include <algorithm>
#include <memory>
#include <new>

using namespace qnt::runtime;

static thread_local std::string lastError;

/// Runs `body`, turning what it throws into a status and lastError.
template <typename Body> static qnt_status guarded(Body body) {
  try {
    body();
    return QNT_OK;
  } catch (Error &error) {
    lastError = std::move(error.message);
    return error.status;
  } catch (const std::bad_alloc &) {
    lastError = "out of memory";
    return QNT_ERROR_MEMORY;
  } catch (const std::exception &error) {
    lastError = error.what();
    return QNT_ERROR_FORMAT;
  }
}

static const EntrySpec *entryOf(const qnt_model *model, int64_t entry) {
  const auto &entries = model->manifest.entries;
  return entry >= 0 && entry < int64_t(entries.size()) ? &entries[entry]
                                                       : nullptr;
}

int64_t qnt_dtype_size(qnt_dtype dtype) {
  static constexpr int64_t sizes[] = {4, 2, 2, 8, 1, 1, 2, 4, 8, 1, 2, 4, 8};
  return dtype >= QNT_F32 && dtype <= QNT_U64 ? sizes[dtype] : 0;
}

const char *qnt_dtype_name(qnt_dtype dtype) {
  static constexpr const char *names[] = {"f32", "f16", "bf16", "f64", "i8",
                                          "u8",  "i16", "i32",  "i64", "bool",
                                          "u16", "u32", "u64"};
  return dtype >= QNT_F32 && dtype <= QNT_U64 ? names[dtype] : nullptr;
}

qnt_status qnt_open(const char *path, const qnt_options *options,
                    qnt_model **model) {
  *model = nullptr;
  return guarded([&] {
    if (!path)
      fail(QNT_ERROR_ARGUMENT, "the path of the model is null");
    auto opened =
        std::make_unique<qnt_model>(path, options ? *options : qnt_options{});
    *model = opened.release();
  });
}

void qnt_close(qnt_model *model) { delete model; }

const char *qnt_last_error(void) { return lastError.c_str(); }

const char *qnt_manifest(const qnt_model *model) {
  return model->module->manifest;
}

const char *qnt_isa(const qnt_model *model) { return model->variant->isa; }

int64_t qnt_threads(const qnt_model *model) {
  return model->context.num_threads;
}

const qnt_asset *qnt_find_asset(const qnt_model *model, const char *name) {
  return model->findAsset(name);
}

int64_t qnt_num_entries(const qnt_model *model) {
  return model->manifest.entries.size();
}

int64_t qnt_find_entry(const qnt_model *model, const char *name) {
  for (size_t i = 0; i < model->manifest.entries.size(); ++i)
    if (model->manifest.entries[i].name == name)
      return i;
  return -1;
}

const char *qnt_entry_name(const qnt_model *model, int64_t entry) {
  const EntrySpec *spec = entryOf(model, entry);
  return spec ? spec->name.c_str() : nullptr;
}

int64_t qnt_num_dims(const qnt_model *model, int64_t entry) {
  const EntrySpec *spec = entryOf(model, entry);
  return spec ? spec->dims.size() : 0;
}

const char *qnt_dim_name(const qnt_model *model, int64_t entry, int64_t dim) {
  const EntrySpec *spec = entryOf(model, entry);
  return spec && dim >= 0 && dim < int64_t(spec->dims.size())
             ? spec->dims[dim].c_str()
             : nullptr;
}

int64_t qnt_num_inputs(const qnt_model *model, int64_t entry) {
  const EntrySpec *spec = entryOf(model, entry);
  return spec ? spec->inputs.size() : 0;
}

int64_t qnt_num_outputs(const qnt_model *model, int64_t entry) {
  const EntrySpec *spec = entryOf(model, entry);
  return spec ? spec->outputs.size() : 0;
}

const qnt_tensor_info *qnt_input(const qnt_model *model, int64_t entry,
                                 int64_t index) {
  return index >= 0 && index < qnt_num_inputs(model, entry)
             ? &model->entries[entry].inputs[index]
             : nullptr;
}

const qnt_tensor_info *qnt_output(const qnt_model *model, int64_t entry,
                                  int64_t index) {
  return index >= 0 && index < qnt_num_outputs(model, entry)
             ? &model->entries[entry].outputs[index]
             : nullptr;
}

int64_t qnt_kv_bytes(const qnt_model *model, int64_t batch,
                     int64_t max_length) {
  return model->module->kv_bytes && batch > 0 && max_length > 0
             ? model->module->kv_bytes(batch, max_length)
             : 0;
}

int64_t qnt_arena_bytes(const qnt_model *model, int64_t entry,
                        const int64_t *dims) {
  return entryOf(model, entry)
             ? model->variant->entries[entry].arena_bytes(dims)
             : -1;
}

void *qnt_allocate(qnt_model *model, int64_t bytes) {
  void *memory = nullptr;
  guarded([&] { memory = model->allocate(bytes); });
  return memory;
}

void qnt_release(qnt_model *model, void *memory) { model->release(memory); }

qnt_status qnt_output_shape(const qnt_model *model, int64_t entry,
                            const int64_t *dims, int64_t index,
                            int64_t *shape) {
  return guarded([&] {
    if (!qnt_output(model, entry, index))
      fail(QNT_ERROR_ARGUMENT, model->path + ": there is no output " +
                                   std::to_string(index) + " of entry " +
                                   std::to_string(entry));
    model->requirePossible(entry, dims);
    std::vector<int64_t> sizes = model->outputDims(entry, dims);
    const auto &outputs = model->manifest.entries[entry].outputs;
    auto from = sizes.begin();
    for (int64_t i = 0; i < index; ++i)
      from += int64_t(outputs[i].shape.size());
    std::copy_n(from, outputs[index].shape.size(), shape);
  });
}

qnt_status qnt_run(qnt_model *model, int64_t entry, const qnt_tensor *inputs,
                   int64_t num_inputs, const qnt_tensor *outputs,
                   int64_t num_outputs, const qnt_memory *memory) {
  return guarded([&] {
    model->run(entry, {inputs, size_t(num_inputs)},
               {outputs, size_t(num_outputs)}, memory ? *memory : qnt_memory{});
  });
}

void qnt_set_after_op(qnt_model *model, qnt_after_op hook, void *user) {
  model->hook = hook;
  model->hookUser = user;
}

void qnt_set_op_timer(qnt_model *model, qnt_op_timer timer, void *user) {
  model->timer = timer;
  model->timerUser = user;
}
