//===- LowerToCPU.cpp - the passes to functions and kernels -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FunctionLowering.h"

#include "qnt/Target/CPU/Codegen.h"
#include "qnt/Target/CPU/Layouts.h"
#include "qnt/Target/CPU/Passes.h"

namespace qnt::cpu {
#define GEN_PASS_DEF_LOWERTOCPUPASS
#define GEN_PASS_DEF_LOWERKERNELSTOLLVMPASS
#include "qnt/Target/CPU/Passes.h.inc"
} // namespace qnt::cpu

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

static int64_t getBytesPerPosition(nn::KVCacheType cache) {
  return cache.getLayers() * CacheGeometry{cache.getHeads(), cache.getHeadDim(),
                                           cache.getElementType()}
                                 .bytesPerPosition();
}

int64_t qnt::cpu::getCacheBytes(nn::KVCacheType cache, int64_t positions) {
  return llvm::alignTo(positions, kLanes) * getBytesPerPosition(cache);
}

int64_t ModuleLowering::getCacheBytesPerPosition(nn::KVCacheType cache) const {
  return getBytesPerPosition(cache);
}

namespace {

struct LowerToCPU : cpu::impl::LowerToCPUPassBase<LowerToCPU> {
  using LowerToCPUPassBase::LowerToCPUPassBase;

  void runOnOperation() override {
    ModuleOp source = getOperation();
    const ISA *target = isa == "native" ? &getNativeISA() : findISA(isa);
    if (!target) {
      source.emitError("unknown instruction set '")
          << isa << "', expected " << listISAs() << " or native";
      return signalPassFailure();
    }
    for (auto function : source.getOps<func::FuncOp>())
      gatherLinears(function);
    OwningOpRef<ModuleOp> lowered = ModuleOp::create(source.getLoc());
    ModuleLowering module(source, *lowered, *target);
    if (failed(module.run()))
      return signalPassFailure();
    source.getBody()->clear();
    source.getBody()->getOperations().splice(
        source.getBody()->end(), lowered->getBody()->getOperations());
  }
};

struct LowerKernelsToLLVM
    : cpu::impl::LowerKernelsToLLVMPassBase<LowerKernelsToLLVM> {
  void runOnOperation() override {
    if (failed(lowerToLLVM(getOperation())))
      signalPassFailure();
  }
};

} // namespace
