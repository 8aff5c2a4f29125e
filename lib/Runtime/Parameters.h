//===- Parameters.h - a model's packed parameters in memory -----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_PARAMETERS_H
#define QNT_LIB_RUNTIME_PARAMETERS_H

#include "Device.h"
#include "Manifest.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace qnt::runtime {

/// An anonymous or file mapping, unmapped when it dies.
class Mapping {
public:
  Mapping() = default;
  Mapping(Mapping &&other) noexcept;
  Mapping &operator=(Mapping &&other) noexcept;
  ~Mapping();

  /// The file read-only, kept open. Throws Error.
  static Mapping file(const std::string &path);
  /// `size` bytes of zeros at a huge-page boundary, advised to use huge pages.
  /// Throws Error.
  static Mapping hugePages(size_t size);

  std::byte *data() const { return bytes; }
  size_t size() const { return length; }
  /// Of a file; -1 of other memory.
  int descriptor() const { return fd; }

private:
  void *base = nullptr;
  size_t mapped = 0;
  std::byte *bytes = nullptr;
  size_t length = 0;
  int fd = -1;
};

/// Pointers to the parameters, in manifest order, and the memory behind them.
class Parameters {
public:
  /// Finds the manifest's params among the tensors of the safetensors file
  /// `path`, or, when `embedded` is not empty, of those bytes (then `path` only
  /// serves in messages). The size, and with `verify` the SHA-256, must be the
  /// manifest's. `context` supplies the threads that copy. With `device`, they
  /// are copied to its memory, whatever `mode`. Throws Error.
  void load(const std::string &path, std::span<const std::byte> embedded,
            const Manifest &manifest, qnt_params_mode mode, bool verify,
            const qnt_context &context, Device *device);

  void *const *pointers() const { return table.data(); }

private:
  Mapping memory;
  DeviceMemory deviceMemory;
  std::vector<void *> table;
};

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_PARAMETERS_H
