//===- Driver.cpp - the CUDA driver API by name ---------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "Error.h"

#include <dlfcn.h>

using namespace qnt::runtime;

std::string Driver::describe(Result result) const {
  const char *text = nullptr;
  getErrorString(result, &text);
  return text ? text : "CUDA error " + std::to_string(result);
}

/// Opens the library; it stays open, as drivers do not unload.
static Driver open(const std::string &path) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail(QNT_ERROR_UNSUPPORTED,
         path +
             ": the model runs on an NVIDIA GPU, but there is no CUDA "
             "driver: " +
             dlerror());
  Driver driver;
  auto load = [&](auto &function, const char *name) {
    void *symbol = dlsym(library, name);
    if (!symbol)
      fail(QNT_ERROR_UNSUPPORTED,
           path + ": the CUDA driver has no function " + name);
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
  };
  load(driver.init, "cuInit");
  load(driver.deviceGet, "cuDeviceGet");
  load(driver.deviceGetAttribute, "cuDeviceGetAttribute");
  load(driver.deviceGetName, "cuDeviceGetName");
  load(driver.contextRetain, "cuDevicePrimaryCtxRetain");
  load(driver.contextRelease, "cuDevicePrimaryCtxRelease_v2");
  load(driver.contextSetCurrent, "cuCtxSetCurrent");
  load(driver.memGetInfo, "cuMemGetInfo_v2");
  load(driver.memAlloc, "cuMemAlloc_v2");
  load(driver.memFree, "cuMemFree_v2");
  load(driver.copyIn, "cuMemcpyHtoDAsync_v2");
  load(driver.copyOut, "cuMemcpyDtoHAsync_v2");
  load(driver.fill, "cuMemsetD8Async");
  load(driver.streamCreate, "cuStreamCreate");
  load(driver.streamSynchronize, "cuStreamSynchronize");
  load(driver.streamDestroy, "cuStreamDestroy_v2");
  load(driver.eventCreate, "cuEventCreate");
  load(driver.eventRecord, "cuEventRecord");
  load(driver.eventElapsed, "cuEventElapsedTime");
  load(driver.eventDestroy, "cuEventDestroy_v2");
  load(driver.captureBegin, "cuStreamBeginCapture_v2");
  load(driver.captureEnd, "cuStreamEndCapture");
  load(driver.graphInstantiate, "cuGraphInstantiateWithFlags");
  load(driver.graphDestroy, "cuGraphDestroy");
  load(driver.graphLaunch, "cuGraphLaunch");
  load(driver.graphRelease, "cuGraphExecDestroy");
  load(driver.moduleLoad, "cuModuleLoadData");
  load(driver.moduleUnload, "cuModuleUnload");
  load(driver.moduleGetFunction, "cuModuleGetFunction");
  load(driver.functionSetAttribute, "cuFuncSetAttribute");
  load(driver.launch, "cuLaunchKernel");
  load(driver.getErrorString, "cuGetErrorString");
  driver.tensorMapEncode = reinterpret_cast<decltype(driver.tensorMapEncode)>(
      dlsym(library, "cuTensorMapEncodeTiled"));
  if (Driver::Result result = driver.init(0))
    fail(QNT_ERROR_UNSUPPORTED,
         path + ": the CUDA driver cannot be used: " + driver.describe(result));
  return driver;
}

const Driver &Driver::get(const std::string &path) {
  // Tried again by the next model where it fails.
  static const Driver driver = open(path);
  return driver;
}
