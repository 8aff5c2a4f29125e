//===- Run.cpp - check the arguments of a call and make it ----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Error.h"
#include "Model.h"

#include <algorithm>
#include <array>

using namespace qnt::runtime;

namespace {

constexpr int64_t unknown = -1;

/// Checks one call. Allocates only to write messages.
class Check {
public:
  Check(const qnt_model &model, const EntrySpec &entry)
      : model(model), entry(entry) {
    dims.fill(unknown);
  }

  /// Checks dtypes, shapes and layout, and reads the dimensions off.
  void tensors(const char *kind, std::span<const qnt_tensor> given,
               const std::vector<TensorSpec> &specs) {
    if (given.size() != specs.size())
      complain(std::to_string(specs.size()) + " " + kind + "s expected, but " +
               std::to_string(given.size()) + " given");
    for (size_t i = 0; i < specs.size(); ++i)
      tensor(std::string_view(kind), given[i], specs[i]);
  }

  void memory(const qnt_memory &memory) {
    for (size_t d = 0; d < entry.dims.size(); ++d) {
      if (entry.dims[d] == "max_length")
        bind("memory", "max_length", d, memory.max_length);
      if (dims[d] == unknown)
        complain("no tensor tells the dimension '" + entry.dims[d] + "'");
      int64_t limit = model.manifest.maxLength;
      if (limit && dims[d] > limit &&
          (entry.dims[d] == "max_length" || entry.dims[d] == "tokens"))
        complain("dimension '" + entry.dims[d] + "' is " +
                 std::to_string(dims[d]) + ", but the model's context is " +
                 std::to_string(limit));
    }
    if (!entry.kv)
      return;
    int64_t needed =
        qnt_kv_bytes(&model, dimension("batch", 1), memory.max_length);
    if (!memory.kv || memory.kv_bytes < needed)
      fail(QNT_ERROR_MEMORY,
           where() + "the KV cache needs " + std::to_string(needed) +
               " bytes, but " +
               std::to_string(memory.kv ? memory.kv_bytes : 0) + " are given");
    if (reinterpret_cast<uintptr_t>(memory.kv) % 64)
      fail(QNT_ERROR_MEMORY, where() + "the KV cache is not 64-byte aligned");
  }

  /// Checks the dimensions of outputs that follow from the others. Allocates
  /// where there are any.
  void computed(std::span<const qnt_tensor> outputs) {
    auto isComputed = [](int64_t extent) { return extent == QNT_DIM_COMPUTED; };
    if (std::ranges::none_of(entry.outputs, [&](const TensorSpec &spec) {
          return std::ranges::any_of(spec.shape, isComputed);
        }))
      return;
    int64_t index = &entry - model.manifest.entries.data();
    std::vector<int64_t> sizes = model.outputDims(index, dims.data());
    const int64_t *expected = sizes.data();
    for (size_t i = 0; i < outputs.size(); ++i) {
      const TensorSpec &spec = entry.outputs[i];
      size_t rank = spec.shape.size();
      if (!std::equal(expected, expected + rank, outputs[i].shape))
        complain("output", spec,
                 "expected shape " + shapeText(expected, rank) + ", found " +
                     shapeText(outputs[i].shape, rank));
      expected += rank;
    }
  }

  /// Checks the integers that compiled code uses as indices: see the entries
  /// of docs/abi.md.
  void indices(std::span<const qnt_tensor> inputs) {
    int64_t tokens = dimension("tokens", 0);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const TensorSpec &spec = entry.inputs[i];
      if (spec.dtype != QNT_I32 || tokens == 0)
        continue;
      if (spec.name == "tokens" && model.manifest.vocabSize > 0)
        range(spec, inputs[i], 0, model.manifest.vocabSize - 1);
      if (spec.name == "token_types" && model.manifest.tokenTypes > 0)
        range(spec, inputs[i], 0, model.manifest.tokenTypes - 1);
      if (spec.name == "position")
        range(spec, inputs[i], 0, dimension("max_length", tokens) - tokens);
      if (spec.name == "last")
        range(spec, inputs[i], 0, tokens - 1);
      if (spec.name == "lengths")
        range(spec, inputs[i], 1, tokens);
    }
  }

  std::array<int64_t, maxDims> dims;

private:
  std::string where() const {
    return model.path + ": entry '" + entry.name + "': ";
  }
  [[noreturn]] void complain(const std::string &message) const {
    fail(QNT_ERROR_ARGUMENT, where() + message);
  }
  [[noreturn]] void complain(std::string_view kind, const TensorSpec &spec,
                             const std::string &message) const {
    complain(std::string(kind) + " '" + spec.name + "': " + message);
  }

  void tensor(std::string_view kind, const qnt_tensor &given,
              const TensorSpec &spec) {
    if (given.dtype != spec.dtype) {
      const char *name = qnt_dtype_name(given.dtype);
      complain(kind, spec,
               std::string("expected ") + qnt_dtype_name(spec.dtype) +
                   ", found " + (name ? name : "an unknown dtype"));
    }
    bool fits = given.rank == int32_t(spec.shape.size()) && given.shape;
    for (size_t i = 0; fits && i < spec.shape.size(); ++i)
      fits = given.shape[i] >= 0 &&
             (spec.shape[i] < 0 || given.shape[i] == spec.shape[i]);
    if (!fits && (given.rank > 0 || !spec.shape.empty()))
      complain(kind, spec,
               "expected shape " + shapeText(spec, entry) + ", found " +
                   shapeText(given.shape, given.shape && given.rank > 0
                                              ? size_t(given.rank)
                                              : 0));
    int64_t elements = 1;
    for (int32_t i = given.rank - 1; i >= 0; --i) {
      if (given.strides && given.shape[i] > 1 && given.strides[i] != elements)
        complain(kind, spec,
                 "expected dense row-major strides, found " +
                     shapeText(given.strides, given.rank));
      if (__builtin_mul_overflow(elements, given.shape[i], &elements))
        complain(kind, spec,
                 "too many elements: " + shapeText(given.shape, given.rank));
      if (spec.shape[i] < 0 && spec.shape[i] != QNT_DIM_COMPUTED)
        bind(kind, spec.name, -1 - spec.shape[i], given.shape[i]);
    }
    if (!given.data && elements > 0)
      complain(kind, spec, "no data");
  }

  void bind(std::string_view kind, std::string_view name, size_t dim,
            int64_t size) {
    auto source = [&] {
      return std::string(kind) + " '" + std::string(name) + "'";
    };
    if (size < 1 && !model.manifest.takesEmpty)
      complain(source() + ": dimension '" + entry.dims[dim] +
               "' must be positive, found " + std::to_string(size));
    if (dims[dim] != unknown && dims[dim] != size)
      complain(source() + ": dimension '" + entry.dims[dim] + "' is " +
               std::to_string(size) + ", but " + std::to_string(dims[dim]) +
               " before");
    dims[dim] = size;
  }

  int64_t dimension(std::string_view name, int64_t otherwise) const {
    auto found = std::ranges::find(entry.dims, name);
    return found == entry.dims.end() ? otherwise
                                     : dims[found - entry.dims.begin()];
  }

  void range(const TensorSpec &spec, const qnt_tensor &given, int64_t low,
             int64_t high) const {
    int64_t elements = 1;
    for (int32_t i = 0; i < given.rank; ++i)
      elements *= given.shape[i];
    auto *values = static_cast<const int32_t *>(given.data);
    for (int64_t i = 0; i < elements; ++i)
      if (values[i] < low || values[i] > high)
        complain("input", spec,
                 "expected values from " + std::to_string(low) + " to " +
                     std::to_string(high) + ", found " +
                     std::to_string(values[i]));
  }

  const qnt_model &model;
  const EntrySpec &entry;
};

/// qnt_context::after_op, for the caller's hooks.
void afterOp(const qnt_context *ctx, int64_t op, const void *output,
             const int64_t *shape) {
  auto &call = *static_cast<const CallContext *>(ctx);
  const qnt_model &model = *call.model;
  if (model.timer) {
    auto now = std::chrono::steady_clock::now();
    std::chrono::duration<double> taken = now - call.previous;
    model.timer(model.timerUser, op, taken.count());
    call.previous = std::chrono::steady_clock::now();
  }
  if (!model.hook || op < 0 || op >= int64_t(model.manifest.ops.size()))
    return;
  const OpSpec &spec = model.manifest.ops[op];
  qnt_tensor tensor = {const_cast<void *>(output),
                       spec.dtype.value_or(qnt_dtype()), int32_t(spec.rank),
                       shape, nullptr};
  model.hook(model.hookUser, op, spec.dtype ? &tensor : nullptr);
}

} // namespace

int64_t qnt_model::requirePossible(int64_t index, const int64_t *dims) const {
  int64_t needed = variant->entries[index].arena_bytes(dims);
  if (needed >= 0)
    return needed;
  const EntrySpec &spec = manifest.entries[index];
  std::string sizes;
  for (size_t i = 0; i < spec.dims.size(); ++i)
    sizes += (i ? ", " : "") + spec.dims[i] + " = " + std::to_string(dims[i]);
  fail(QNT_ERROR_ARGUMENT,
       locate(spec) + "the model cannot run with the dimensions " + sizes);
}

std::vector<int64_t> qnt_model::outputDims(int64_t index,
                                           const int64_t *dims) const {
  std::vector<int64_t> sizes;
  bool isKnown = true;
  for (const TensorSpec &output : manifest.entries[index].outputs)
    for (int64_t extent : output.shape) {
      isKnown &= extent != QNT_DIM_COMPUTED;
      sizes.push_back(extent >= 0 || extent == QNT_DIM_COMPUTED
                          ? extent
                          : dims[-1 - extent]);
    }
  if (!isKnown)
    variant->entries[index].output_dims(dims, sizes.data());
  return sizes;
}

void qnt_model::run(int64_t index, std::span<const qnt_tensor> inputs,
                    std::span<const qnt_tensor> outputs,
                    const qnt_memory &memory) {
  if (index < 0 || index >= variant->num_entries)
    fail(QNT_ERROR_ARGUMENT,
         path + ": there is no entry " + std::to_string(index));
  const EntrySpec &spec = manifest.entries[index];
  const qnt_entry &code = variant->entries[index];
  Check check(*this, spec);
  check.tensors("input", inputs, spec.inputs);
  check.tensors("output", outputs, spec.outputs);
  check.memory(memory);
  check.indices(inputs);

  int64_t needed = requirePossible(index, check.dims.data());
  check.computed(outputs);
  void *scratch = getArena(spec, memory, needed);
  if (device) {
    if (spec.kv)
      checkMemory(spec, "KV cache", memory.kv);
    return runOnDevice(index, inputs, outputs,
                       {check.dims.data(), spec.dims.size()}, memory.kv,
                       scratch);
  }

  std::array<void *, maxTensors> in, out;
  for (size_t i = 0; i < inputs.size(); ++i)
    in[i] = inputs[i].data;
  for (size_t i = 0; i < outputs.size(); ++i)
    out[i] = outputs[i].data;
  CallContext call(context, this);
  call.after_op = hook || timer ? afterOp : nullptr;
  int32_t status = code.run(&call, params.pointers(), in.data(), out.data(),
                            check.dims.data(), memory.kv, scratch);
  if (status != 0)
    fail(QNT_ERROR_RUN, path + ": entry '" + spec.name +
                            "' failed with status " + std::to_string(status));
}

std::string qnt_model::locate(const EntrySpec &spec) const {
  return path + ": entry '" + spec.name + "': ";
}

void *qnt_model::getArena(const EntrySpec &spec, const qnt_memory &memory,
                          int64_t needed) {
  if (memory.arena) {
    if (memory.arena_bytes < needed)
      fail(QNT_ERROR_MEMORY, locate(spec) + "the arena needs " +
                                 std::to_string(needed) + " bytes, but " +
                                 std::to_string(memory.arena_bytes) +
                                 " are given");
    if (reinterpret_cast<uintptr_t>(memory.arena) % 64)
      fail(QNT_ERROR_MEMORY, locate(spec) + "the arena is not 64-byte aligned");
    if (device)
      checkMemory(spec, "arena", memory.arena);
    return memory.arena;
  }
  if (device) {
    if (deviceArena.size() < size_t(needed)) {
      deviceArena = DeviceMemory();
      deviceArena = device->allocate(size_t(needed), "the arena");
    }
    return deviceArena.data();
  }
  if (arena.size() < size_t(needed)) {
    arena = Mapping();
    arena = Mapping::hugePages(needed);
  }
  return arena.data();
}

void qnt_model::checkMemory(const EntrySpec &spec, const char *what,
                            const void *memory) const {
  if (!allocated.contains(const_cast<void *>(memory)))
    fail(QNT_ERROR_MEMORY, locate(spec) + "the " + what +
                               " is no memory of the GPU: expected it from "
                               "qnt_allocate");
}
