//===- emulate.cpp - one launch of each kernel of a file -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// emulate FILE: runs the kernels of a gpu.module in order. Each takes pointers
// to buffers of i32, all of the size and contents that its attributes say:
//   emu.words = 64          words of a buffer, word i holding i
//   emu.shared = 1024       bytes of shared memory
//   emu.block = 64          lanes
//   emu.grid = 1            blocks
//   emu.inputs = 1          buffers from the first on that may not be written
// and prints the last buffer, or the error.
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QGPU/QGPU.h"
#include "qnt/Emulator/Emulator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <numeric>

using namespace mlir;
using namespace qnt;

static int64_t get(gpu::GPUFuncOp kernel, StringRef name, int64_t otherwise) {
  auto attribute = kernel->getAttrOfType<IntegerAttr>(name);
  return attribute ? attribute.getInt() : otherwise;
}

static bool run(gpu::GPUModuleOp module, gpu::GPUFuncOp kernel) {
  std::unique_ptr<emu::Kernel> loaded = emu::load(module, kernel.getName());
  if (!loaded)
    return false;
  emu::Launch launch;
  launch.grid[0] = uint32_t(get(kernel, "emu.grid", 1));
  launch.block[0] = uint32_t(get(kernel, "emu.block", 64));
  launch.sharedBytes = size_t(get(kernel, "emu.shared", 0));
  std::vector<std::vector<int32_t>> words(kernel.getNumArguments());
  std::vector<uint64_t> args;
  for (auto [i, buffer] : llvm::enumerate(words)) {
    buffer.resize(size_t(get(kernel, "emu.words", 64)));
    std::iota(buffer.begin(), buffer.end(), 0);
    launch.buffers.push_back({buffer.data(), 4 * buffer.size(),
                              int64_t(i) >= get(kernel, "emu.inputs", 0),
                              "b" + std::to_string(i)});
    args.push_back(emu::toArgument(buffer.data()));
  }
  std::string error;
  if (!loaded->run(launch, args, error)) {
    llvm::outs() << error << "\n";
    return true;
  }
  llvm::outs() << kernel.getName() << ":";
  for (int32_t word : words.back())
    llvm::outs() << " " << word;
  llvm::outs() << "\n";
  return true;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect,
                  NVVM::NVVMDialect, scf::SCFDialect, vector::VectorDialect,
                  qgpu::QGPUDialect>();
  MLIRContext context(registry);
  auto file = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!file)
    return 1;
  bool ok = true;
  for (auto module : file->getOps<gpu::GPUModuleOp>())
    for (auto kernel : module.getOps<gpu::GPUFuncOp>())
      ok &= run(module, kernel);
  return !ok;
}
