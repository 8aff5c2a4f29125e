//===- Model.h - a compiled model, for C++ ----------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_MODEL_H
#define QNT_TOOLS_QUANTRUN_MODEL_H

#include "Args.h"
#include "qnt/Runtime/qnt.h"

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::run {

/// Zeroed memory, 64-byte aligned.
class Buffer {
public:
  explicit Buffer(int64_t size = 0);
  std::byte *data() const { return bytes.get(); }
  int64_t size() const { return length; }

private:
  struct Free {
    void operator()(std::byte *bytes) const;
  };
  std::unique_ptr<std::byte, Free> bytes;
  int64_t length;
};

/// A tensor and its memory.
struct Tensor {
  Tensor(qnt_dtype dtype, std::vector<int64_t> shape);

  int64_t numElements() const;
  qnt_tensor view() const;
  template <typename T> std::span<T> as() const {
    return {reinterpret_cast<T *>(buffer.data()), size_t(numElements())};
  }

  qnt_dtype dtype;
  std::vector<int64_t> shape;
  Buffer buffer;
};

/// qnt.h with errors as RunError.
class Model {
public:
  Model(const std::string &path, const Args &args);
  ~Model();
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  /// Throws RunError unless the model is of this kind ("causal_lm", ...), which
  /// `what` needs.
  void needKind(const std::string &kind, const std::string &what) const;
  bool hasEntry(const char *name) const;
  /// Throws RunError that lists the entries there are.
  int64_t entry(const std::string &name) const;
  std::vector<const qnt_tensor_info *> inputs(int64_t entry) const;
  std::vector<const qnt_tensor_info *> outputs(int64_t entry) const;
  /// A file inside the model; empty when there is none.
  std::string_view asset(const char *name) const;

  void run(int64_t entry, std::span<const qnt_tensor> inputs,
           std::span<const qnt_tensor> outputs,
           const qnt_memory *memory = nullptr);

  /// Called after every operation of the calls made while it is set.
  using Hook = std::function<void(int64_t op, const qnt_tensor *output)>;
  void setHook(Hook hook);
  /// Called with the seconds of every operation.
  using Timer = std::function<void(int64_t op, double seconds)>;
  void setTimer(Timer timer);

  /// An integer of manifest.model; 0 when not stated.
  int64_t property(const char *name) const;

  const std::string path;
  qnt_model *handle = nullptr;
  nlohmann::json manifest;
  std::string kind;

private:
  Hook hook;
  Timer timer;
};

/// Zeros where a model computes: the host's memory, or a GPU's.
class ModelMemory {
public:
  ModelMemory() = default;
  ModelMemory(const Model &model, int64_t size);
  ModelMemory(ModelMemory &&other) noexcept { *this = std::move(other); }
  ModelMemory &operator=(ModelMemory &&other) noexcept;
  ~ModelMemory();
  void *data() const { return bytes; }
  int64_t size() const { return length; }

private:
  qnt_model *model = nullptr;
  void *bytes = nullptr;
  int64_t length = 0;
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_MODEL_H
