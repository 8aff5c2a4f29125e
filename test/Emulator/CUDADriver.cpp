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
//   QNT_EMULATED_COUNTS=FILE  gets at the end, line by line, how many launches
//                             there were by themselves, and of graphs, and how
//                             often each kernel ran: "launches 7", "graphs 6",
//                             "NAME 13"
// Memory is not zero when it is allocated. A launch that fails answers
// cudaErrorLaunchFailure, whose text is the emulator's.
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QGPU/QGPU.h"
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Emulator/Emulator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
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
  LaunchFailure = 719,
  NotWhileCapturing = 900
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

/// A launch with its arguments, made when it is recorded or later.
struct Launch {
  Function *function;
  emu::Launch shape;
  std::vector<uint64_t> args;
  /// Of arguments that are passed by value, by their number.
  std::vector<std::pair<unsigned, emu::TensorMap>> maps = {};
};
using Graph = std::vector<Launch>;
using Time = std::chrono::steady_clock::time_point;

struct GPU {
  ~GPU() {
    const char *file = std::getenv("QNT_EMULATED_COUNTS");
    if (!file)
      return;
    std::ofstream counts(file);
    counts << "launches " << launches << "\ngraphs " << graphs << "\n";
    for (const auto &[name, count] : kernels)
      counts << name << " " << count << "\n";
  }
  GPU() {
    registry.insert<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect,
                    math::MathDialect, NVVM::NVVMDialect, scf::SCFDialect,
                    vector::VectorDialect, QNTDialect, qgpu::QGPUDialect>();
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
  /// What is being recorded.
  Graph *capture = nullptr;
  /// Launches by themselves, and of graphs as a whole.
  size_t launches = 0, graphs = 0;
  std::map<std::string, size_t> kernels;
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
QNT_CUDA cuStreamSynchronize(void *) {
  return getGPU().capture ? NotWhileCapturing : Success;
}
QNT_CUDA cuStreamDestroy_v2(void *) { return Success; }

QNT_CUDA cuEventCreate(void **event, unsigned) {
  *event = new Time();
  return Success;
}
QNT_CUDA cuEventRecord(void *event, void *) {
  *static_cast<Time *>(event) = std::chrono::steady_clock::now();
  return Success;
}
QNT_CUDA cuEventElapsedTime(float *milliseconds, void *from, void *to) {
  std::chrono::duration<float, std::milli> time =
      *static_cast<Time *>(to) - *static_cast<Time *>(from);
  *milliseconds = time.count();
  return Success;
}
QNT_CUDA cuEventDestroy_v2(void *event) {
  delete static_cast<Time *>(event);
  return Success;
}

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
  if (getGPU().capture)
    return NotWhileCapturing;
  if (!isInside(to, bytes))
    return InvalidValue;
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  return Success;
}
QNT_CUDA cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) {
  if (getGPU().capture)
    return NotWhileCapturing;
  if (!isInside(from, bytes))
    return InvalidValue;
  std::memcpy(to, reinterpret_cast<void *>(from), bytes);
  return Success;
}
QNT_CUDA cuMemsetD8Async(uint64_t to, unsigned char byte, size_t bytes,
                         void *) {
  if (getGPU().capture)
    return NotWhileCapturing;
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

static int make(const Launch &launch) {
  GPU &gpu = getGPU();
  Function &function = *launch.function;
  if (!function.kernel)
    function.kernel = emu::load(function.module, function.code.getName());
  if (!function.kernel) {
    gpu.error = "cannot be emulated";
    return LaunchFailure;
  }
  ++gpu.kernels[function.code.getName().str()];
  emu::Launch shape = launch.shape;
  for (auto [address, bytes] : gpu.buffers)
    shape.buffers.push_back({reinterpret_cast<void *>(address), bytes,
                             /*writable=*/true, "memory"});
  std::vector<uint64_t> args = launch.args;
  for (const auto &[index, map] : launch.maps)
    args[index] = emu::toArgument(&map);
  return function.kernel->run(shape, args, gpu.error) ? Success : LaunchFailure;
}

QNT_CUDA cuLaunchKernel(void *handle, unsigned gridX, unsigned gridY,
                        unsigned gridZ, unsigned blockX, unsigned blockY,
                        unsigned blockZ, unsigned sharedBytes, void *,
                        void **args, void **) {
  Launch launch{static_cast<Function *>(handle), {}, {}};
  launch.shape.grid = {gridX, gridY, gridZ};
  launch.shape.block = {blockX, blockY, blockZ};
  launch.shape.sharedBytes = sharedBytes;
  gpu::GPUFuncOp code = launch.function->code;
  for (unsigned i = 0; i < code.getNumArguments(); ++i) {
    launch.args.push_back(*static_cast<uint64_t *>(args[i]));
    if (code.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName()))
      launch.maps.push_back({i, *static_cast<emu::TensorMap *>(args[i])});
  }
  if (Graph *capture = getGPU().capture) {
    capture->push_back(std::move(launch));
    return Success;
  }
  ++getGPU().launches;
  return make(launch);
}

QNT_CUDA cuStreamBeginCapture_v2(void *, int) {
  if (getGPU().capture)
    return NotWhileCapturing;
  getGPU().capture = new Graph;
  return Success;
}
QNT_CUDA cuStreamEndCapture(void *, void **graph) {
  *graph = std::exchange(getGPU().capture, nullptr);
  return *graph ? Success : InvalidValue;
}
QNT_CUDA cuGraphInstantiateWithFlags(void **executable, void *graph, uint64_t) {
  *executable = new Graph(*static_cast<Graph *>(graph));
  return Success;
}
QNT_CUDA cuGraphDestroy(void *graph) {
  delete static_cast<Graph *>(graph);
  return Success;
}
QNT_CUDA cuGraphExecDestroy(void *executable) {
  return cuGraphDestroy(executable);
}
QNT_CUDA cuGraphLaunch(void *executable, void *) {
  if (getGPU().capture)
    return NotWhileCapturing;
  ++getGPU().graphs;
  for (const Launch &launch : *static_cast<Graph *>(executable))
    if (int result = make(launch))
      return result;
  return Success;
}

/// Maps of two dimensions with a swizzle of 128 or 64 bytes, or none, and zeros
/// outside.
QNT_CUDA cuTensorMapEncodeTiled(void *map, int type, uint32_t rank,
                                void *address, const uint64_t *sizes,
                                const uint64_t *strides, const uint32_t *box,
                                const uint32_t *steps, int interleave,
                                int swizzle, int, int fill) {
  static_assert(sizeof(emu::TensorMap) <= 128);
  bool isKnown = rank == 2 && (type == 0 || type == 1) && steps[0] == 1 &&
                 steps[1] == 1 && interleave == 0 &&
                 (swizzle == 0 || swizzle == 2 || swizzle == 3) && fill == 0;
  if (!isKnown || reinterpret_cast<uint64_t>(map) % 64 || sizes[0] == 0 ||
      sizes[1] == 0)
    return InvalidValue;
  emu::TensorMap encoded{address,
                         sizes[0],
                         sizes[1],
                         strides[0],
                         box[0],
                         box[1],
                         type == 0 ? 1u : 2u,
                         swizzle == 3   ? 128u
                         : swizzle == 2 ? 64u
                                        : 0u};
  std::memcpy(map, &encoded, sizeof encoded);
  return Success;
}

QNT_CUDA cuGetErrorString(int result, const char **text) {
  switch (result) {
  case OutOfMemory:
    *text = "out of memory";
    break;
  case NotWhileCapturing:
    *text = "operation not permitted when stream is capturing";
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
