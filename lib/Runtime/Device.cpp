//===- Device.cpp - a model's GPU -----------------------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Device.h"
#include "Error.h"

#include <algorithm>
#include <array>

using namespace qnt::runtime;

// Tensor maps of a kernel at most.
static constexpr size_t maxMaps = 4;

static Driver::Address toAddress(const void *pointer) {
  return reinterpret_cast<Driver::Address>(pointer);
}

DeviceMemory &DeviceMemory::operator=(DeviceMemory &&other) noexcept {
  std::swap(device, other.device);
  std::swap(bytes, other.bytes);
  std::swap(length, other.length);
  return *this;
}

DeviceMemory::~DeviceMemory() {
  if (!bytes)
    return;
  device->enter();
  device->driver.memFree(toAddress(bytes));
}

void Device::enter() const { driver.contextSetCurrent(context); }

void Device::check(Driver::Result result, const char *what) const {
  if (result)
    fail(QNT_ERROR_RUN,
         path + ": cannot " + what + ": " + driver.describe(result));
}

/// Code of a chip with an `a` runs on nothing else, other code on later chips
/// of the same generation.
void Device::checkChip(const std::string &chip, int device) const {
  int major = 0, minor = 0;
  check(driver.deviceGetAttribute(&major, Driver::capabilityMajor, device),
        "ask for the GPU's kind");
  check(driver.deviceGetAttribute(&minor, Driver::capabilityMinor, device),
        "ask for the GPU's kind");
  int has = 10 * major + minor, wanted = 0;
  for (char c : chip)
    if (c >= '0' && c <= '9')
      wanted = 10 * wanted + (c - '0');
  bool isExact = chip.ends_with("a");
  if (has == wanted || (!isExact && has > wanted && has / 10 == wanted / 10))
    return;
  char name[128] = "";
  driver.deviceGetName(name, sizeof name, device);
  fail(QNT_ERROR_UNSUPPORTED, path + ": the model is compiled for " + chip +
                                  ", but the GPU '" + name + "' is sm_" +
                                  std::to_string(has));
}

Device::Device(const std::string &path, const DeviceSpec &spec,
               const void *code)
    : path(path), driver(Driver::get(path)) {
  if (Driver::Result result = driver.deviceGet(&ordinal, 0))
    fail(QNT_ERROR_UNSUPPORTED,
         path + ": there is no GPU: " + driver.describe(result));
  checkChip(spec.chip, ordinal);
  check(driver.contextRetain(&context, ordinal), "use the GPU");
  // From here on the destructor does not run where this fails.
  try {
    enter();
    check(driver.streamCreate(&stream, /*non-blocking*/ 1), "make a stream");
    check(driver.moduleLoad(&module, code), "load the kernels");
    for (const std::string &name : spec.kernels) {
      Kernel &kernel = kernels.emplace_back();
      kernel.name = name;
      check(driver.moduleGetFunction(&kernel.function, module, name.c_str()),
            ("find the kernel '" + name + "'").c_str());
    }
    for (const TensorMapSpec &map : spec.tensorMaps)
      kernels[map.kernel].maps.push_back(map);
    if (!spec.tensorMaps.empty() && !driver.tensorMapEncode)
      fail(QNT_ERROR_UNSUPPORTED,
           path + ": the CUDA driver has no function cuTensorMapEncodeTiled");
    if (spec.workspace)
      workspace = allocate(size_t(spec.workspace), "the workspace");
  } catch (...) {
    driver.contextRelease(ordinal);
    throw;
  }
}

Device::~Device() {
  workspace = DeviceMemory();
  enter();
  for (void *event : events)
    driver.eventDestroy(event);
  driver.moduleUnload(module);
  driver.streamDestroy(stream);
  driver.contextRelease(ordinal);
}

DeviceMemory Device::allocate(size_t bytes, const char *what) {
  enter();
  Driver::Address address = 0;
  Driver::Result result = driver.memAlloc(&address, std::max<size_t>(bytes, 1));
  if (result == Driver::outOfMemory) {
    size_t free = 0, total = 0;
    driver.memGetInfo(&free, &total);
    fail(QNT_ERROR_MEMORY, path + ": the GPU has no room for " + what + ": " +
                               std::to_string(bytes) + " bytes needed, " +
                               std::to_string(free) + " free");
  }
  check(result, "allocate memory of the GPU");
  DeviceMemory memory(*this, reinterpret_cast<void *>(address), bytes);
  check(driver.fill(address, 0, bytes, stream), "clear memory of the GPU");
  return memory;
}

void Device::copyIn(void *to, const void *from, size_t bytes) {
  enter();
  if (bytes)
    check(driver.copyIn(toAddress(to), from, bytes, stream), "copy to the GPU");
}

void Device::copyOut(void *to, const void *from, size_t bytes) {
  enter();
  if (bytes)
    check(driver.copyOut(to, toAddress(from), bytes, stream),
          "copy from the GPU");
  check(driver.streamSynchronize(stream), "wait for the GPU");
}

Driver::Result Device::encode(const TensorMapSpec &spec, const uint64_t *args,
                              TensorMap &map) const noexcept {
  uint64_t sizes[] = {uint64_t(spec.columns), args[spec.rows]};
  uint64_t strides[] = {uint64_t(spec.rowBytes)};
  uint32_t box[] = {uint32_t(spec.boxColumns), uint32_t(spec.boxRows)};
  uint32_t steps[] = {1, 1};
  int64_t boxRow = spec.boxColumns * spec.elementBytes;
  int swizzle = boxRow == 128  ? Driver::swizzle128
                : boxRow == 64 ? Driver::swizzle64
                               : Driver::noSwizzle;
  return driver.tensorMapEncode(
      &map, spec.elementBytes == 1 ? Driver::bytes : Driver::halves,
      /*rank=*/2, reinterpret_cast<void *>(args[spec.argument]), sizes, strides,
      box, steps, /*interleave=*/0, swizzle, Driver::promote256,
      /*fill=*/0);
}

void Device::launch(int64_t index, const int64_t *shape, const uint64_t *args,
                    int64_t numArgs) noexcept {
  auto [x, y, z, threads, sharedBytes] =
      std::array{shape[0], shape[1], shape[2], shape[3], shape[4]};
  // Of nothing, there is nothing to do.
  if (!failure.empty() || x * y * z == 0)
    return;
  Kernel &kernel = kernels[size_t(index)];
  if (size_t(numArgs) > maxArguments || kernel.maps.size() > maxMaps ||
      y > 65535 || z > 65535 || x > INT32_MAX) {
    failure = "kernel '" + kernel.name + "': too many blocks or arguments";
    return;
  }
  std::array<void *, maxArguments> places;
  for (int64_t i = 0; i < numArgs; ++i)
    places[size_t(i)] = const_cast<uint64_t *>(args + i);
  Driver::Result result = Driver::success;
  std::array<TensorMap, maxMaps> maps;
  for (size_t i = 0; i < kernel.maps.size() && !result; ++i) {
    const TensorMapSpec &spec = kernel.maps[i];
    if (std::max(spec.argument, spec.rows) >= size_t(numArgs)) {
      failure = "kernel '" + kernel.name + "': a tensor map of no argument";
      return;
    }
    result = encode(spec, args, maps[i]);
    places[spec.argument] = &maps[i];
  }
  if (!result && sharedBytes > kernel.sharedBytes) {
    result = driver.functionSetAttribute(
        kernel.function, Driver::maxDynamicSharedBytes, int(sharedBytes));
    kernel.sharedBytes = sharedBytes;
  }
  if (!result)
    result = driver.launch(kernel.function, unsigned(x), unsigned(y),
                           unsigned(z), unsigned(threads), 1, 1,
                           unsigned(sharedBytes), stream, places.data(),
                           /*extra=*/nullptr);
  if (result)
    failure = "kernel '" + kernel.name + "': " + driver.describe(result);
}

void LaunchGraph::forget() {
  if (!executable)
    return;
  device->enter();
  device->driver.graphRelease(std::exchange(executable, nullptr));
}

bool Device::beginLaunches(LaunchGraph &graph, const LaunchGraph::Key &key) {
  isRecording = graph.key == key && !graph.executable;
  if (isRecording) {
    enter();
    check(driver.captureBegin(stream, Driver::captureThreadLocal),
          "record launches");
    return true;
  }
  if (graph.key == key)
    return false;
  graph.forget();
  graph.key = key;
  return true;
}

void Device::endLaunches(LaunchGraph &graph) {
  enter();
  if (std::exchange(isRecording, false)) {
    void *recorded = nullptr;
    Driver::Result result = driver.captureEnd(stream, &recorded);
    graph.device = this;
    if (!result && failure.empty())
      result = driver.graphInstantiate(&graph.executable, recorded, 0);
    if (recorded)
      driver.graphDestroy(recorded);
    // A launch that failed is the reason of whatever else did.
    if (failure.empty())
      check(result, "record launches");
  }
  if (graph.executable)
    check(driver.graphLaunch(graph.executable, stream), "launch");
}

void Device::mark() noexcept {
  Driver::Result result = Driver::success;
  if (numMarks == events.size()) {
    void *event = nullptr;
    result = driver.eventCreate(&event, /*flags=*/0);
    if (!result)
      events.push_back(event);
  }
  if (!result)
    result = driver.eventRecord(events[numMarks++], stream);
  if (result && failure.empty())
    failure = "cannot measure time: " + driver.describe(result);
}

void Device::readMarks() {
  intervals.clear();
  for (size_t i = 1; i < numMarks; ++i) {
    float milliseconds = 0;
    check(driver.eventElapsed(&milliseconds, events[i - 1], events[i]),
          "measure time");
    intervals.push_back(1e-3 * milliseconds);
  }
  numMarks = 0;
}

void Device::finish() {
  enter();
  Driver::Result result = driver.streamSynchronize(stream);
  if (failure.empty() && result)
    failure = driver.describe(result);
  if (!failure.empty())
    fail(QNT_ERROR_RUN,
         path + ": the GPU failed: " + std::exchange(failure, std::string()));
  readMarks();
}
