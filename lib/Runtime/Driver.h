//===- Driver.h - the CUDA driver API by name -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_DRIVER_H
#define QNT_LIB_RUNTIME_DRIVER_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace qnt::runtime {

/// The functions of libcuda.so.1 that the loader calls, as NVIDIA documents
/// them; handles are opaque. Nothing of it is needed to build or to load the
/// library: it is opened when the first model for a GPU is.
struct Driver {
  using Result = int;
  using Address = uint64_t;
  static constexpr Result success = 0, outOfMemory = 2;
  // Attributes of devices and functions.
  static constexpr int capabilityMajor = 75, capabilityMinor = 76;
  static constexpr int maxDynamicSharedBytes = 8;
  /// A capture that what other threads call does not disturb.
  static constexpr int captureThreadLocal = 1;
  // Of tensor maps: elements of 8 and 16 bits, columns exchanged within 128 or
  // 64 bytes or not at all, reads of L2 in 256.
  static constexpr int bytes = 0, halves = 1, noSwizzle = 0, swizzle64 = 2,
                       swizzle128 = 3, promote256 = 3;
  static constexpr size_t tensorMapBytes = 128, tensorMapAlign = 64;

  Result (*init)(unsigned flags);
  Result (*deviceGet)(int *device, int ordinal);
  Result (*deviceGetAttribute)(int *value, int attribute, int device);
  Result (*deviceGetName)(char *name, int length, int device);
  Result (*contextRetain)(void **context, int device);
  Result (*contextRelease)(int device);
  Result (*contextSetCurrent)(void *context);
  Result (*memGetInfo)(size_t *free, size_t *total);
  Result (*memAlloc)(Address *address, size_t bytes);
  Result (*memFree)(Address address);
  Result (*copyIn)(Address to, const void *from, size_t bytes, void *stream);
  Result (*copyOut)(void *to, Address from, size_t bytes, void *stream);
  Result (*fill)(Address to, unsigned char byte, size_t bytes, void *stream);
  Result (*streamCreate)(void **stream, unsigned flags);
  Result (*streamSynchronize)(void *stream);
  Result (*streamDestroy)(void *stream);
  Result (*eventCreate)(void **event, unsigned flags);
  Result (*eventRecord)(void *event, void *stream);
  Result (*eventElapsed)(float *milliseconds, void *from, void *to);
  Result (*eventDestroy)(void *event);
  Result (*captureBegin)(void *stream, int mode);
  Result (*captureEnd)(void *stream, void **graph);
  Result (*graphInstantiate)(void **executable, void *graph, uint64_t flags);
  Result (*graphDestroy)(void *graph);
  Result (*graphLaunch)(void *executable, void *stream);
  Result (*graphRelease)(void *executable);
  Result (*moduleLoad)(void **module, const void *image);
  Result (*moduleUnload)(void *module);
  Result (*moduleGetFunction)(void **function, void *module, const char *name);
  Result (*functionSetAttribute)(void *function, int attribute, int value);
  Result (*launch)(void *function, unsigned gridX, unsigned gridY,
                   unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned sharedBytes, void *stream,
                   void **args, void **extra);
  /// Null in drivers before CUDA 12.
  Result (*tensorMapEncode)(void *map, int type, uint32_t rank, void *address,
                            const uint64_t *sizes, const uint64_t *strides,
                            const uint32_t *box, const uint32_t *steps,
                            int interleave, int swizzle, int promotion,
                            int fill);
  Result (*getErrorString)(Result result, const char **text);

  /// The driver of this machine, initialised. Throws Error, whose message
  /// begins with `path`, where there is none.
  static const Driver &get(const std::string &path);

  /// What a result means, in words.
  std::string describe(Result result) const;
};

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_DRIVER_H
