//===- RunGuarded.cpp - run an entry between guard pages ------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// run-guarded MODEL.so ENTRY ISA THREADS CONTEXT IN.npz OUT: calls an entry of
// a compiled model through the module's own interface (docs/abi.md), every
// parameter, input, output, the cache and the arena in memory of its own that
// has the size that was promised and no byte more (Guarded.h). Result i goes to
// OUTi.npy. Inputs and parameters are read only; outputs and the arena begin as
// NaN. AMX is emulated where the processor lacks it (AmxEmulator.h); the model
// then has another variant beside.
//===----------------------------------------------------------------------===//
#include "AmxEmulator.h"
#include "Guarded.h"

#include "qnt/Params/SafeTensors.h"
#include "qnt/Runtime/qnt.h"
#include "qnt/Support/Half.h"
#include "qnt/Support/Npy.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <thread>

using namespace qnt;
using namespace qnt::test;

static void expect(bool condition, const std::string &message) {
  if (!condition)
    throw std::runtime_error(message);
}

/// qnt_context::parallel_for, one thread a slice.
static void parallelFor(const qnt_context *ctx, qnt_task_fn task, void *args,
                        int64_t count) {
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < ctx->num_threads; ++i) {
    int64_t begin = count * i / ctx->num_threads;
    int64_t end = count * (i + 1) / ctx->num_threads;
    if (begin < end)
      threads.emplace_back(task, args, begin, end);
  }
  for (std::thread &thread : threads)
    thread.join();
}

namespace {
class Run {
public:
  Run(const std::string &path, const char *entryName, const char *isa,
      int64_t context)
      : path(path), context(context) {
    qnt_options options{};
    options.isa = isa;
    qnt_status status = qnt_open(path.c_str(), &options, &model);
#if defined(__x86_64__)
    if (status == QNT_ERROR_UNSUPPORTED && isa == std::string_view("amx")) {
      emulateAMX();
      options.isa = nullptr;
      status = qnt_open(path.c_str(), &options, &model);
    }
#endif
    expect(status == QNT_OK, qnt_last_error());
    index = qnt_find_entry(model, entryName);
    expect(index >= 0, std::string("no entry ") + entryName);
    void *object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    auto get = reinterpret_cast<const qnt_module *(*)()>(
        dlsym(object, "qnt_module_get"));
    module = get();
    for (int64_t i = 0; i < module->num_variants; ++i)
      if (module->variants[i].isa == std::string_view(isa))
        entry = &module->variants[i].entries[index];
    dims.resize(qnt_num_dims(model, index), -1);
  }
  ~Run() { qnt_close(model); }

  void readParams() {
    auto manifest = nlohmann::json::parse(module->manifest);
    if (manifest["params"].empty())
      return;
    std::string file = path.substr(0, path.rfind('.')) + ".safetensors";
    auto store = params::ParamStore::open(file);
    for (const std::string name : manifest["params"])
      copy(params, "parameter " + name, store->get(name).bytes, 64);
  }

  void readInputs(const std::string &file) {
    auto arrays = support::readNpz(file);
    for (int64_t i = 0; i < qnt_num_inputs(model, index); ++i) {
      const qnt_tensor_info *info = qnt_input(model, index, i);
      support::NpyArray &array = arrays.at(info->name);
      if (info->dtype == QNT_BF16)
        array = rounded(array);
      expect((info->dtype == QNT_BF16 ||
              support::name(array.type) == qnt_dtype_name(info->dtype)) &&
                 array.shape.size() == size_t(info->rank),
             std::string("input ") + info->name + " has the wrong form");
      for (int32_t k = 0; k < info->rank; ++k)
        if (info->shape[k] < 0)
          dims[-1 - info->shape[k]] = array.shape[k];
      copy(inputs, std::string("input ") + info->name, array.bytes,
           qnt_dtype_size(info->dtype));
    }
    for (size_t d = 0; d < dims.size(); ++d) {
      if (qnt_dim_name(model, index, d) == std::string_view("max_length"))
        dims[d] = context;
      if (qnt_dim_name(model, index, d) == std::string_view("batch"))
        batch = dims[d];
    }
  }

  void makeOutputs() {
    for (int64_t i = 0; i < qnt_num_outputs(model, index); ++i) {
      const qnt_tensor_info *info = qnt_output(model, index, i);
      size_t bytes = qnt_dtype_size(info->dtype);
      for (int64_t extent : shapeOf(i))
        bytes *= extent;
      outputs.memory.emplace_back(std::string("output ") + info->name, bytes,
                                  qnt_dtype_size(info->dtype));
      outputs.pointers.push_back(outputs.memory.back().data());
    }
  }

  void call(int64_t threads) {
    Guarded cache("the cache",
                  module->kv_bytes ? module->kv_bytes(batch, context) : 0, 64);
    std::memset(cache.data(), 0, cache.size());
    Guarded arena("the arena", entry->arena_bytes(dims.data()), 64);
    qnt_context host{parallelFor, nullptr, threads, nullptr,
                     nullptr,     nullptr, nullptr};
    int32_t status = entry->run(&host, params.pointers.data(),
                                inputs.pointers.data(), outputs.pointers.data(),
                                dims.data(), cache.data(), arena.data());
    expect(status == 0, "status " + std::to_string(status));
    expect(cache.isIntact(), "written around the cache");
    expect(arena.isIntact(), "written around the arena");
    for (const Guarded &output : outputs.memory)
      expect(output.isIntact(), "written around " + output.name());
  }

  void write(const std::string &prefix) {
    for (size_t i = 0; i < outputs.memory.size(); ++i) {
      const qnt_tensor_info *info = qnt_output(model, index, i);
      const Guarded &memory = outputs.memory[i];
      std::span<const std::byte> bytes(memory.data(), memory.size());
      std::vector<float> floats;
      if (info->dtype == QNT_BF16) {
        for (size_t at = 0; at < bytes.size(); at += 2) {
          uint16_t half;
          std::memcpy(&half, &bytes[at], 2);
          floats.push_back(support::bf16ToFloat(half));
        }
        bytes = std::as_bytes(std::span(floats));
      }
      support::writeNpy(prefix + std::to_string(i) + ".npy",
                        typeOf(info->dtype), shapeOf(i), bytes);
    }
  }

private:
  /// Tensors as the module takes them. A deque: Guarded stays where it is.
  struct Tensors {
    std::deque<Guarded> memory;
    std::vector<void *> pointers;
  };

  static void copy(Tensors &to, const std::string &name,
                   std::span<const std::byte> bytes, size_t alignment) {
    Guarded &memory = to.memory.emplace_back(name, bytes.size(), alignment);
    std::ranges::copy(bytes, memory.data());
    memory.makeReadOnly();
    to.pointers.push_back(memory.data());
  }

  /// f32 numbers as bf16, which .npy files cannot hold.
  static support::NpyArray rounded(const support::NpyArray &array) {
    support::NpyArray result{support::NpyType::U16, array.shape, {}};
    for (float value : array.toFloats()) {
      uint16_t half = support::floatToBf16(value);
      auto bytes = std::as_bytes(std::span(&half, 1));
      result.bytes.insert(result.bytes.end(), bytes.begin(), bytes.end());
    }
    return result;
  }

  std::vector<int64_t> shapeOf(int64_t output) const {
    std::vector<int64_t> shape(qnt_output(model, index, output)->rank);
    expect(qnt_output_shape(model, index, dims.data(), output, shape.data()) ==
               QNT_OK,
           qnt_last_error());
    return shape;
  }

  static support::NpyType typeOf(qnt_dtype dtype) {
    using enum support::NpyType;
    if (dtype == QNT_BF16)
      return F32;
    for (auto type :
         {F16, F32, F64, I8, U8, I16, U16, I32, U32, I64, U64, Bool})
      if (support::name(type) == qnt_dtype_name(dtype))
        return type;
    throw std::runtime_error(std::string("no .npy holds ") +
                             qnt_dtype_name(dtype));
  }

  std::string path;
  int64_t context, index = 0, batch = 1;
  qnt_model *model = nullptr;
  const qnt_module *module = nullptr;
  const qnt_entry *entry = nullptr;
  std::vector<int64_t> dims;
  Tensors params, inputs, outputs;
};
} // namespace

int main(int argc, char **argv) {
  if (argc != 8)
    return 2;
  reportGuardedFaults();
  try {
    Run run(argv[1], argv[2], argv[3], std::atoll(argv[5]));
    run.readParams();
    run.readInputs(argv[6]);
    run.makeOutputs();
    run.call(std::atoll(argv[4]));
    run.write(argv[7]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "run-guarded: %s\n", error.what());
    return 1;
  }
}
