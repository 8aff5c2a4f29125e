//===- CompileCUDA.cpp - code for GPUs of NVIDIA -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TargetCode.h"

#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Target/CPU/Codegen.h"
#include "qnt/Target/CUDA/Codegen.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qnt;
using Kernels = TargetOptions::Kernels;

/// A copy of `module` lowered to host code and a gpu.module.
static FailureOr<OwningOpRef<ModuleOp>> lowerFor(ModuleOp module,
                                                 const cuda::Chip &chip) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager pm(module.getContext());
  buildCUDACodePipeline(pm, chip.name);
  if (failed(pm.run(*copy)))
    return failure();
  return copy;
}

/// The kernels of a lowered module.
static FailureOr<std::string>
emitKernels(ModuleOp module, const cuda::Chip &chip, Kernels kind) {
  auto kernels = *module.getOps<gpu::GPUModuleOp>().begin();
  if (kind == Kernels::MLIR) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    kernels.print(stream, OpPrintingFlags().useLocalScope());
    return text;
  }
  std::string assembler;
  if (kind == Kernels::Cubin && (assembler = cuda::findAssembler()).empty())
    return module.emitError("no ptxas found for a cubin: expected one of "
                            "CUDA_HOME or the path, or code=ptx");
  std::string ptx = cuda::emitPTX(kernels, chip);
  if (ptx.empty())
    return failure();
  if (kind == Kernels::PTX)
    return ptx;
  std::string error;
  auto assembled = cuda::assemble(ptx, chip, assembler, error);
  if (failed(assembled))
    return module.emitError(error);
  return std::move(assembled->cubin);
}

FailureOr<ModelCode> qnt::generateForCUDA(ModuleOp module,
                                          const TargetOptions &target) {
  auto lowered = lowerFor(module, *target.chip);
  if (failed(lowered))
    return failure();
  ModelCode result;
  result.manifest =
      (**lowered)->getAttrOfType<StringAttr>("qnt.manifest").getValue().str();
  auto kernels = emitKernels(**lowered, *target.chip, target.getKernels());
  if (failed(kernels))
    return failure();
  // The driver takes text that ends in a zero.
  result.kernels = *kernels + '\0';
  if (auto constants = (**lowered)->getAttrOfType<StringAttr>("qnt.constants"))
    result.constants = constants.getValue().str();
  for (auto gpu :
       llvm::make_early_inc_range((**lowered).getOps<gpu::GPUModuleOp>()))
    gpu.erase();
  // The host's part is launches alone.
  const cpu::ISA &isa = cpu::getBaselineISA();
  result.isa = &isa;
  llvm::LLVMContext context;
  if (failed(cpu::lowerToLLVM(**lowered)))
    return failure();
  auto code = cpu::translateToLLVMIR(**lowered, isa, context);
  if (!code)
    return failure();
  std::string error;
  result.objects.push_back(
      cpu::emitMachineCode(*code, isa, cpu::FileKind::Object, error));
  if (result.objects.back().empty())
    return module.emitError(error);
  result.variants.push_back({target.chip->name.str(), "cuda"});
  return result;
}

LogicalResult qnt::writeCodeForCUDA(ModuleOp module,
                                    const TargetOptions &target,
                                    StringRef output) {
  auto lowered = lowerFor(module, *target.chip);
  if (failed(lowered))
    return failure();
  StringRef extension = llvm::sys::path::extension(output);
  auto kernels = emitKernels(**lowered, *target.chip,
                             extension == ".mlir"  ? Kernels::MLIR
                             : extension == ".ptx" ? Kernels::PTX
                                                   : Kernels::Cubin);
  return failed(kernels) ? failure() : writeFile(module, output, *kernels);
}
