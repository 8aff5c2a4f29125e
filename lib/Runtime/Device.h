//===- Device.h - a model's GPU ---------------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_DEVICE_H
#define QNT_LIB_RUNTIME_DEVICE_H

#include "Driver.h"
#include "Manifest.h"

#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace qnt::runtime {

class Device;

/// Memory of a device.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(Device &device, void *data, size_t size)
      : device(&device), bytes(data), length(size) {}
  DeviceMemory(DeviceMemory &&other) noexcept { *this = std::move(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept;
  ~DeviceMemory();

  /// An address of the device, not of the host.
  void *data() const { return bytes; }
  size_t size() const { return length; }

private:
  Device *device = nullptr;
  void *bytes = nullptr;
  size_t length = 0;
};

/// The first GPU of the machine, with a model's kernels and one stream, on
/// which copies and launches follow each other. Errors are thrown as Error and
/// begin with the model's path.
class Device {
public:
  /// `code` is a cubin or PTX, of kernels for the chip that `spec` names.
  Device(const std::string &path, const DeviceSpec &spec, const void *code);
  Device(const Device &) = delete;
  ~Device();

  /// Zeros; `what` serves in messages.
  DeviceMemory allocate(size_t bytes, const char *what);
  /// Copies that take place before later launches, and after earlier ones.
  void copyIn(void *to, const void *from, size_t bytes);
  /// Waits for all launches.
  void copyOut(void *to, const void *from, size_t bytes);

  /// Of qnt_context. The first failure is kept, and what follows is not run.
  void launch(int64_t kernel, const int64_t *shape, const uint64_t *args,
              int64_t numArgs) noexcept;
  /// Waits for all launches, and throws what failed.
  void finish();

  void *getWorkspace() const { return workspace.data(); }

private:
  friend class DeviceMemory;
  void check(Driver::Result result, const char *what) const;
  void checkChip(const std::string &chip, int device) const;
  /// The driver works on the calling thread's context.
  void enter() const;

  std::string path;
  const Driver &driver;
  int ordinal = 0;
  void *context = nullptr, *stream = nullptr, *module = nullptr;
  struct Kernel {
    std::string name;
    void *function = nullptr;
    /// Bytes of shared memory that the driver has been told of.
    int64_t sharedBytes = 48 << 10;
  };
  std::vector<Kernel> kernels;
  DeviceMemory workspace;
  std::string failure;
};

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_DEVICE_H
