//===- CompileCPU.cpp - code for CPUs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "MachineFiles.h"
#include "MeasureLatency.h"
#include "TargetCode.h"
#include "TileTable.h"

#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Support/Error.h"
#include "qnt/Target/CPU/Codegen.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qnt;

/// As qnt-cpu-strategy takes them.
static FailureOr<std::string> findTiles(ModuleOp module, const cpu::ISA &isa,
                                        const TargetOptions &target) {
  if (target.tiles == "estimated")
    return std::string();
  if (!target.tiles.empty())
    return target.tiles;
  // Without a folder for what is measured, nothing was.
  auto path = getMachineFile(getTileTableName(isa));
  if (!path) {
    llvm::consumeError(path.takeError());
    return std::string();
  }
  try {
    return TileTable::read(*path, getMachine(isa, /*threads=*/1)).getText();
  } catch (const support::FileError &error) {
    return module.emitError(error.what());
  }
}

/// A copy of `module` lowered for `isa`.
static FailureOr<OwningOpRef<ModuleOp>>
lowerFor(ModuleOp module, const cpu::ISA &isa, const TargetOptions &target) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto tiles = findTiles(module, isa, target);
  if (failed(tiles))
    return failure();
  PassManager pm(module.getContext());
  buildCPUCodePipeline(pm, isa.name, *tiles);
  if (failed(pm.run(*copy)))
    return failure();
  return copy;
}

FailureOr<ModelCode> qnt::generateForCPU(ModuleOp module,
                                         const TargetOptions &target) {
  ModelCode result;
  result.isa = target.isas.back();
  for (const cpu::ISA *isa : target.isas) {
    auto lowered = lowerFor(module, *isa, target);
    if (failed(lowered))
      return failure();
    // Kernels go by their names in the best variant.
    if (result.manifest.empty())
      result.manifest = (**lowered)
                            ->getAttrOfType<StringAttr>("qnt.manifest")
                            .getValue()
                            .str();
    llvm::LLVMContext context;
    std::unique_ptr<llvm::Module> code =
        cpu::translateToLLVMIR(**lowered, *isa, context);
    if (!code)
      return failure();
    std::string error;
    result.objects.push_back(
        cpu::emitMachineCode(*code, *isa, cpu::FileKind::Object, error));
    if (result.objects.back().empty())
      return module.emitError(error);
    result.variants.push_back({isa->name.str(), isa->cpuinfo.str()});
  }
  return result;
}

LogicalResult qnt::writeCodeForCPU(ModuleOp module, const TargetOptions &target,
                                   StringRef output) {
  const cpu::ISA &isa = *target.isas.front();
  auto lowered = lowerFor(module, isa, target);
  if (failed(lowered))
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      cpu::translateToLLVMIR(**lowered, isa, context);
  if (!code)
    return failure();
  StringRef extension = llvm::sys::path::extension(output);
  if (extension == ".ll") {
    std::string text;
    llvm::raw_string_ostream(text) << *code;
    return writeFile(module, output, text);
  }
  std::string error;
  std::string machine = cpu::emitMachineCode(
      *code, isa,
      extension == ".s" ? cpu::FileKind::Assembly : cpu::FileKind::Object,
      error);
  if (machine.empty())
    return module.emitError(error);
  return writeFile(module, output, machine);
}
