//===- CompileCPU.cpp - code for CPUs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TargetCode.h"

#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Target/CPU/Codegen.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qnt;

/// A copy of `module` lowered for `isa`.
static FailureOr<OwningOpRef<ModuleOp>> lowerFor(ModuleOp module,
                                                 const cpu::ISA &isa) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager pm(module.getContext());
  buildCPUCodePipeline(pm, isa.name);
  if (failed(pm.run(*copy)))
    return failure();
  return copy;
}

FailureOr<ModelCode> qnt::generateForCPU(ModuleOp module,
                                         const TargetOptions &target) {
  ModelCode result;
  result.isa = target.isas.back();
  for (const cpu::ISA *isa : target.isas) {
    auto lowered = lowerFor(module, *isa);
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
  auto lowered = lowerFor(module, isa);
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
