//===- Model.h - an opened model --------------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_MODEL_H
#define QNT_LIB_RUNTIME_MODEL_H

#include "Device.h"
#include "Manifest.h"
#include "Parameters.h"
#include "SharedObject.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

/// What qnt_open hands out.
struct qnt_model {
  /// Throws Error.
  qnt_model(const std::string &path, const qnt_options &options);

  /// Throws Error.
  void run(int64_t entry, std::span<const qnt_tensor> inputs,
           std::span<const qnt_tensor> outputs, const qnt_memory &memory);

  /// Bytes of scratch; throws Error where no call with `dims` is possible.
  int64_t requirePossible(int64_t entry, const int64_t *dims) const;
  /// Null where there is none of that name.
  const qnt_asset *findAsset(std::string_view name) const;

  /// As qnt_allocate and qnt_release; the former throws Error.
  void *allocate(int64_t bytes);
  void release(void *memory);

  /// The dimensions of all outputs, one after another.
  std::vector<int64_t> outputDims(int64_t entry, const int64_t *dims) const;

  std::string path;
  // Before what points into it.
  qnt::runtime::SharedObject object;
  const qnt_module *module = nullptr;
  const qnt_variant *variant = nullptr;
  qnt::runtime::Manifest manifest;
  /// Null for models of the CPU. Before what lies in its memory.
  std::unique_ptr<qnt::runtime::Device> device;
  qnt::runtime::Parameters params;
  /// The public face of manifest.entries[i].inputs and .outputs.
  struct EntryInfo {
    std::vector<qnt_tensor_info> inputs, outputs;
  };
  std::vector<EntryInfo> entries;

  /// Without after_op: a call adds its own.
  qnt_context context{};
  qnt_after_op hook = nullptr;
  void *hookUser = nullptr;
  qnt_op_timer timer = nullptr;
  void *timerUser = nullptr;

private:
  void chooseVariant(const char *isa);
  void checkEntries() const;
  void openDevice();
  /// Scratch of a call of `needed` bytes: the caller's, or the model's.
  void *getArena(const qnt::runtime::EntrySpec &spec, const qnt_memory &memory,
                 int64_t needed);
  void checkMemory(const qnt::runtime::EntrySpec &spec, const char *what,
                   const void *memory) const;
  /// What errors of an entry begin with; calls that succeed allocate nothing.
  std::string locate(const qnt::runtime::EntrySpec &spec) const;
  void runOnDevice(int64_t entry, std::span<const qnt_tensor> inputs,
                   std::span<const qnt_tensor> outputs,
                   std::span<const int64_t> dims, void *kv, void *scratch);
  /// What calls without an arena of their own use.
  qnt::runtime::Mapping arena;
  qnt::runtime::DeviceMemory constants, deviceArena;
  /// Inputs and outputs of calls on the device, one call at a time.
  qnt::runtime::DeviceMemory staging;
  /// Of each entry, its last call on the device.
  std::vector<qnt::runtime::LaunchGraph> graphs;
  std::mutex deviceMutex;
  /// What the caller has been given.
  std::map<void *, qnt::runtime::DeviceMemory> allocated;
};

namespace qnt::runtime {
/// What compiled code gets as its context: the model's, and the call at hand.
struct CallContext : qnt_context {
  CallContext(const qnt_context &context, const qnt_model *model)
      : qnt_context(context), model(model) {}

  const qnt_model *model;
  /// When the operation before ended.
  mutable std::chrono::steady_clock::time_point previous =
      std::chrono::steady_clock::now();
  /// Operations whose ends the device has marked.
  mutable std::vector<int64_t> timedOps;
};
} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_MODEL_H
