//===- Codegen.cpp - from GPU kernels to PTX -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/CUDA/Codegen.h"

#include "../Common/LLVMCodegen.h"
#include "InlinePTX.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

// LLVM has no header for the targets of a build without a list of them.
extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

/// Functions of f32 that are instructions, or short sequences of them; upstream
/// lowers them to calls of a library.
static void lowerFunctions(ModuleOp module) {
  module.walk([](Operation *op) {
    StringRef name = llvm::StringSwitch<StringRef>(op->getName().getStringRef())
                         .Case("arith.maxnumf", "llvm.maxnum.f32")
                         .Case("math.absf", "llvm.fabs.f32")
                         .Case("math.ceil", "llvm.ceil.f32")
                         .Case("math.exp2", "llvm.exp2.f32")
                         .Case("math.floor", "llvm.floor.f32")
                         .Case("math.roundeven", "llvm.roundeven.f32")
                         .Case("math.sqrt", "llvm.sqrt.f32")
                         .Case("math.trunc", "llvm.trunc.f32")
                         .Default("");
    if (name.empty())
      return;
    OpBuilder b(op);
    auto call = LLVM::CallIntrinsicOp::create(
        b, op->getLoc(), op->getResult(0).getType(), b.getStringAttr(name),
        op->getOperands());
    op->replaceAllUsesWith(call);
    op->erase();
  });
}

/// What kernels are passed by value stays in memory of parameters.
static void markConstants(ModuleOp module) {
  module.walk([](LLVM::LLVMFuncOp function) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (function.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName()))
        function.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(),
                            UnitAttr::get(function.getContext()));
  });
}

static LogicalResult lowerToNVVM(ModuleOp module) {
  lowerFunctions(module);
  lowerToInlinePTX(module);
  PassManager pm(module.getContext());
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertVectorToLLVMPass());
  ConvertGpuOpsToNVVMOpsOptions options;
  // Kernels address with 32 bits where they can; pointers stay of 64.
  options.indexBitwidth = 32;
  kernels.addPass(createConvertGpuOpsToNVVMOps(options));
  kernels.addPass(createConvertNVVMToLLVMPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  if (failed(pm.run(module)))
    return failure();
  markConstants(module);
  return success();
}

static std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const Chip &chip, std::string &error) {
  static bool initialised = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialised;
  llvm::Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, chip.name, chip.ptx, {}, /*RM=*/std::nullopt,
      /*CodeModel=*/std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

std::string qnt::cuda::emitPTX(gpu::GPUModuleOp module, const Chip &chip) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerGPUDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  registerNVVMDialectTranslation(*module.getContext());
  // The conversion to NVVM asks dialects for theirs.
  DialectRegistry interfaces;
  arith::registerConvertArithToLLVMInterface(interfaces);
  cf::registerConvertControlFlowToLLVMInterface(interfaces);
  registerConvertNVVMToLLVMInterface(interfaces);
  vector::registerConvertVectorToLLVMInterface(interfaces);
  module.getContext()->appendDialectRegistry(interfaces);

  OwningOpRef<ModuleOp> holder = ModuleOp::create(module.getLoc());
  OpBuilder b = OpBuilder::atBlockBegin(holder->getBody());
  auto copy = cast<gpu::GPUModuleOp>(b.clone(*module));
  std::string error;
  auto machine = createTargetMachine(chip, error);
  if (!machine) {
    module.emitOpError("has no PTX code generator: ") << error;
    return {};
  }
  if (failed(lowerToNVVM(*holder)))
    return {};
  llvm::LLVMContext context;
  auto code = translateModuleToLLVMIR(copy, context, module.getName());
  if (!code) {
    module.emitOpError("cannot be translated to LLVM IR");
    return {};
  }
  code->setDataLayout(machine->createDataLayout());
  code->setTargetTriple(machine->getTargetTriple());
  target::optimise(*code, *machine, llvm::OptimizationLevel::O3);
  std::string ptx =
      target::emitFile(*code, *machine, llvm::CodeGenFileType::AssemblyFile);
  if (ptx.empty())
    module.emitOpError("cannot be written as PTX");
  return ptx;
}
