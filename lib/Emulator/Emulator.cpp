//===- Emulator.cpp - loads and launches kernels -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Emulator/Emulator.h"

#include "Lowering.h"

#include "qnt/Target/CPU/Codegen.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::emu;

extern "C" {
static void executeSite(Lane *lane, const Site *site, const std::byte *operands,
                        std::byte *result) {
  lane->block->execute(*lane, *site, operands, result);
}
static void checkAccess(Lane *lane, const char *pointer, uint64_t bytes,
                        bool isWrite, const char *what) {
  lane->block->access(*lane, pointer, bytes, isWrite, what);
}
}

namespace {
class LoadedKernel : public emu::Kernel {
public:
  LoadedKernel(std::string name, std::unique_ptr<Sites> sites,
               std::unique_ptr<llvm::orc::LLJIT> jit, ThreadBlock::Entry entry)
      : name(std::move(name)), sites(std::move(sites)), jit(std::move(jit)),
        entry(entry) {}

  bool run(const Launch &launch, ArrayRef<uint64_t> args,
           std::string &error) override;

private:
  std::string name;
  std::unique_ptr<Sites> sites;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  ThreadBlock::Entry entry;
};
} // namespace

// More lanes than the shadow of shared memory can tell apart.
static constexpr size_t kMaxLanes = 1024;

bool LoadedKernel::run(const Launch &launch, ArrayRef<uint64_t> args,
                       std::string &error) {
  size_t lanes = size_t(launch.block[0]) * launch.block[1] * launch.block[2];
  if (lanes == 0 || lanes > kMaxLanes || lanes % kWarp) {
    error = llvm::formatv("kernel '{0}': expected whole warps of up to {1} "
                          "lanes, got {2} lanes",
                          name, kMaxLanes, lanes);
    return false;
  }
  ThreadBlock block(name, launch, entry, args);
  for (uint32_t z = 0; z < launch.grid[2]; ++z)
    for (uint32_t y = 0; y < launch.grid[1]; ++y)
      for (uint32_t x = 0; x < launch.grid[0]; ++x)
        if (!block.run(x, y, z)) {
          error = block.getError();
          return false;
        }
  return true;
}

static llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>>
compile(std::unique_ptr<llvm::Module> code,
        std::unique_ptr<llvm::LLVMContext> context) {
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  auto define = [&](StringRef name, auto *function) {
    return std::pair(
        (*jit)->mangleAndIntern(name),
        llvm::orc::ExecutorSymbolDef(llvm::orc::ExecutorAddr::fromPtr(function),
                                     llvm::JITSymbolFlags::Exported));
  };
  llvm::orc::SymbolMap symbols;
  symbols.insert(define(kExecute, &executeSite));
  symbols.insert(define(kAccess, &checkAccess));
  if (auto error = (*jit)->getMainJITDylib().define(
          llvm::orc::absoluteSymbols(std::move(symbols))))
    return std::move(error);
  if (auto error = (*jit)->addIRModule(
          llvm::orc::ThreadSafeModule(std::move(code), std::move(context))))
    return std::move(error);
  return jit;
}

std::unique_ptr<emu::Kernel> qnt::emu::load(gpu::GPUModuleOp module,
                                            StringRef name) {
  auto kernel = module.lookupSymbol<gpu::GPUFuncOp>(name);
  if (!kernel) {
    module.emitOpError("has no kernel '") << name << "'";
    return nullptr;
  }
  auto sites = std::make_unique<Sites>();
  OwningOpRef<ModuleOp> lowered = lowerKernel(kernel, *sites);
  if (!lowered || failed(cpu::lowerToLLVM(*lowered)))
    return nullptr;
  auto context = std::make_unique<llvm::LLVMContext>();
  auto code = cpu::translateToLLVMIR(*lowered, cpu::getNativeISA(), *context);
  if (!code)
    return nullptr;
  auto jit = compile(std::move(code), std::move(context));
  if (!jit) {
    kernel.emitOpError("cannot be compiled for this machine: ")
        << llvm::toString(jit.takeError());
    return nullptr;
  }
  auto entry = (*jit)->lookup(name);
  if (!entry) {
    kernel.emitOpError("cannot be loaded: ")
        << llvm::toString(entry.takeError());
    return nullptr;
  }
  return std::make_unique<LoadedKernel>(name.str(), std::move(sites),
                                        std::move(*jit),
                                        entry->toPtr<ThreadBlock::Entry>());
}
