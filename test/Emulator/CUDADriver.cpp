//===- CUDADriver.cpp - the emulator as libcuda.so.1 -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functions of the CUDA driver API that lib/Runtime calls, on a GPU that
// lib/Emulator plays: compiled models run with its folder in LD_LIBRARY_PATH.
// Code is the text of a gpu.module (--target="cuda chip=... code=mlir").
//   QNT_EMULATED_CHIP=80      compute capability, 8.0 unless given
//   QNT_EMULATED_MEMORY=1000  bytes of memory, 1 GiB unless given
// Memory is not zero when it is allocated. A launch that fails answers
// cudaErrorLaunchFailure, whose text is the emulator's.
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Emulator/Emulator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <cstring>
#include <map>

using namespace mlir;
using namespace qnt;

namespace {
enum Result {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  InvalidImage = 200,
  NotFound = 500,
  LaunchFailure = 719
};

struct Function {
  gpu::GPUModuleOp module;
  gpu::GPUFuncOp code;
  std::unique_ptr<emu::Kernel> kernel;
};

struct Module {
  OwningOpRef<ModuleOp> source;
  std::map<std::string, Function> functions;
};

struct GPU {
  GPU() {
    registry.insert<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect,
                    math::MathDialect, NVVM::NVVMDialect, scf::SCFDialect,
                    vector::VectorDialect, QNTDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  static size_t number(const char *name, size_t otherwise) {
    const char *text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
  }

  DialectRegistry registry;
  MLIRContext context;
  size_t total = number("QNT_EMULATED_MEMORY", size_t(1) << 30), used = 0;
  std::map<uint64_t, size_t> buffers;
  std::string error;
};

GPU &getGPU() {
  static GPU gpu;
  return gpu;
}
} // namespace

#define QNT_CUDA extern "C" __attribute__((visibility("default"))) int

QNT_CUDA cuInit(unsigned) { return Success; }
QNT_CUDA cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return Success;
}
QNT_CUDA cuDeviceGetAttribute(int *value, int attribute, int) {
  int chip = int(GPU::number("QNT_EMULATED_CHIP", 80));
  *value = attribute == 75 ? chip / 10 : chip % 10;
  return Success;
}
QNT_CUDA cuDeviceGetName(char *name, int length, int) {
  std::strncpy(name, "emulated", size_t(length));
  return Success;
}
QNT_CUDA cuDevicePrimaryCtxRetain(void **context, int) {
  *context = &getGPU();
  return Success;
}
QNT_CUDA cuDevicePrimaryCtxRelease_v2(int) { return Success; }
QNT_CUDA cuCtxSetCurrent(void *) { return Success; }
QNT_CUDA cuStreamCreate(void **stream, unsigned) {
  *stream = &getGPU();
  return Success;
}
QNT_CUDA cuStreamSynchronize(void *) { return Success; }
QNT_CUDA cuStreamDestroy_v2(void *) { return Success; }

QNT_CUDA cuMemGetInfo_v2(size_t *free, size_t *total) {
  *total = getGPU().total;
  *free = getGPU().total - getGPU().used;
  return Success;
}
QNT_CUDA cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  GPU &gpu = getGPU();
  if (bytes > gpu.total - gpu.used)
    return OutOfMemory;
  void *data = std::aligned_alloc(256, llvm::alignTo(bytes, 256));
  std::memset(data, 0xFF, bytes);
  *address = reinterpret_cast<uint64_t>(data);
  gpu.buffers[*address] = bytes;
  gpu.used += bytes;
  return Success;
}
QNT_CUDA cuMemFree_v2(uint64_t address) {
  GPU &gpu = getGPU();
  auto found = gpu.buffers.find(address);
  if (found == gpu.buffers.end())
    return InvalidValue;
  gpu.used -= found->second;
  gpu.buffers.erase(found);
  std::free(reinterpret_cast<void *>(address));
  return Success;
}

/// Whether a buffer holds all of these bytes.
static bool isInside(uint64_t address, size_t bytes) {
  auto next = getGPU().buffers.upper_bound(address);
  if (next == getGPU().buffers.begin())
    return false;
  auto [begin, size] = *std::prev(next);
  return address - begin <= size && bytes <= size - (address - begin);
}

QNT_CUDA cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes,
                              void *) {
  if (!isInside(to, bytes))
    return InvalidValue;
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  return Success;
}
QNT_CUDA cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) {
  if (!isInside(from, bytes))
    return InvalidValue;
  std::memcpy(to, reinterpret_cast<void *>(from), bytes);
  return Success;
}
QNT_CUDA cuMemsetD8Async(uint64_t to, unsigned char byte, size_t bytes,
                         void *) {
  if (!isInside(to, bytes))
    return InvalidValue;
  std::memset(reinterpret_cast<void *>(to), byte, bytes);
  return Success;
}

QNT_CUDA cuModuleLoadData(void **module, const void *image) {
  GPU &gpu = getGPU();
  auto source = parseSourceString<ModuleOp>(static_cast<const char *>(image),
                                            &gpu.context);
  if (!source)
    return InvalidImage;
  *module = new Module{std::move(source), {}};
  return Success;
}
QNT_CUDA cuModuleUnload(void *module) {
  delete static_cast<Module *>(module);
  return Success;
}
QNT_CUDA cuModuleGetFunction(void **function, void *module, const char *name) {
  auto &loaded = *static_cast<Module *>(module);
  for (auto kernels : loaded.source->getOps<gpu::GPUModuleOp>())
    if (auto code = kernels.lookupSymbol<gpu::GPUFuncOp>(name)) {
      Function &found = loaded.functions[name];
      found = {kernels, code, nullptr};
      *function = &found;
      return Success;
    }
  return NotFound;
}
QNT_CUDA cuFuncSetAttribute(void *, int, int) { return Success; }

QNT_CUDA cuLaunchKernel(void *handle, unsigned gridX, unsigned gridY,
                        unsigned gridZ, unsigned blockX, unsigned blockY,
                        unsigned blockZ, unsigned sharedBytes, void *,
                        void **args, void **) {
  GPU &gpu = getGPU();
  auto &function = *static_cast<Function *>(handle);
  if (!function.kernel)
    function.kernel = emu::load(function.module, function.code.getName());
  if (!function.kernel) {
    gpu.error = "cannot be emulated";
    return LaunchFailure;
  }
  emu::Launch launch;
  launch.grid = {gridX, gridY, gridZ};
  launch.block = {blockX, blockY, blockZ};
  launch.sharedBytes = sharedBytes;
  for (auto [address, bytes] : gpu.buffers)
    launch.buffers.push_back({reinterpret_cast<void *>(address), bytes,
                              /*writable=*/true, "memory"});
  std::vector<uint64_t> words;
  for (unsigned i = 0; i < function.code.getNumArguments(); ++i)
    words.push_back(*static_cast<uint64_t *>(args[i]));
  return function.kernel->run(launch, words, gpu.error) ? Success
                                                        : LaunchFailure;
}

QNT_CUDA cuGetErrorString(int result, const char **text) {
  switch (result) {
  case OutOfMemory:
    *text = "out of memory";
    break;
  case InvalidImage:
    *text = "device kernel image is invalid";
    break;
  case LaunchFailure:
    *text = getGPU().error.c_str();
    break;
  default:
    *text = "invalid argument";
  }
  return Success;
}
