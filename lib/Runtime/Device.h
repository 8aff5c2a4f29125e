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

#include <array>
#include <memory>
#include <utility>
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

/// The launches of a call, to be made again at once (a CUDA graph).
class LaunchGraph {
public:
  /// All that launches depend on: addresses and sizes.
  using Key = std::array<uint64_t, maxDims + 4>;

  LaunchGraph() = default;
  LaunchGraph(LaunchGraph &&other) noexcept
      : device(other.device), key(other.key),
        executable(std::exchange(other.executable, nullptr)) {}
  ~LaunchGraph() { forget(); }

private:
  friend class Device;
  void forget();

  Device *device = nullptr;
  Key key{};
  void *executable = nullptr;
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
  /// Whether the launches of a call have to be made between these two. Those
  /// of the second call in a row with the same key are recorded, and are made
  /// by `endLaunches` from then on.
  bool beginLaunches(LaunchGraph &graph, const LaunchGraph::Key &key);
  void endLaunches(LaunchGraph &graph);
  /// Notes the time at which all launches before are done.
  void mark() noexcept;
  /// Waits for all launches, and throws what failed. Seconds between one mark
  /// and the next are those of `getIntervals` until the next call.
  void finish();
  const std::vector<double> &getIntervals() const { return intervals; }

  void *getWorkspace() const { return workspace.data(); }

private:
  friend class DeviceMemory;
  friend class LaunchGraph;
  void readMarks();
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
    std::vector<TensorMapSpec> maps;
  };
  struct alignas(Driver::tensorMapAlign) TensorMap {
    char bytes[Driver::tensorMapBytes];
  };
  /// What is passed to a kernel in the place of an address.
  Driver::Result encode(const TensorMapSpec &spec, const uint64_t *args,
                        TensorMap &map) const noexcept;

  std::vector<Kernel> kernels;
  DeviceMemory workspace;
  /// Of marks; the first `numMarks` are of this call.
  std::vector<void *> events;
  size_t numMarks = 0;
  std::vector<double> intervals;
  bool isRecording = false;
  std::string failure;
};

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_DEVICE_H
