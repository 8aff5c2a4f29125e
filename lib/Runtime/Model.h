//===- Model.h - an opened model --------------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_MODEL_H
#define QNT_LIB_RUNTIME_MODEL_H

#include "Manifest.h"
#include "Parameters.h"
#include "SharedObject.h"

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
  /// The dimensions of all outputs, one after another.
  std::vector<int64_t> outputDims(int64_t entry, const int64_t *dims) const;

  std::string path;
  // Before what points into it.
  qnt::runtime::SharedObject object;
  const qnt_module *module = nullptr;
  const qnt_variant *variant = nullptr;
  qnt::runtime::Manifest manifest;
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

private:
  void chooseVariant(const char *isa);
  void checkEntries() const;
  /// What calls without an arena of their own use.
  qnt::runtime::Mapping arena;
};

#endif // QNT_LIB_RUNTIME_MODEL_H
