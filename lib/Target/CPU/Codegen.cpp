//===- Codegen.cpp - from kernels to machine code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/CPU/Codegen.h"

#include "../Common/LLVMCodegen.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

//===----------------------------------------------------------------------===//
// To the llvm dialect
//===----------------------------------------------------------------------===//

namespace {
/// The gate before translation.
struct CheckLowered : PassWrapper<CheckLowered, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CheckLowered)
  void runOnOperation() override {
    WalkResult result = getOperation().walk([](Operation *op) {
      if (isa<ModuleOp>(op) || isa<LLVM::LLVMDialect>(op->getDialect()))
        return WalkResult::advance();
      op->emitOpError("is left after lowering to machine code");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace

LogicalResult qnt::cpu::lowerToLLVM(ModuleOp module) {
  PassManager pm(module.getContext());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(std::make_unique<CheckLowered>());
  return pm.run(module);
}

//===----------------------------------------------------------------------===//
// LLVM IR and machine code
//===----------------------------------------------------------------------===//

static std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const ISA &isa, std::string &error) {
  static bool initialised = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
    return true;
  }();
  (void)initialised;
  llvm::Triple triple(isa.getTriple());
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, isa.cpu, isa.features, options, llvm::Reloc::PIC_,
      /*CodeModel=*/std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// Makes masked stores whose mask is one constant lane plain stores. LLVM 22
/// stores the lane of a truncated vector in the width that it had before
/// (AVX-512), and so past its end.
static void storeLoneLanes(llvm::Module &module) {
  auto loneLane = [](const llvm::Value *value) -> std::optional<unsigned> {
    auto *mask = llvm::dyn_cast<llvm::Constant>(value);
    auto *type = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
    std::optional<unsigned> lane;
    for (unsigned i = 0; mask && type && i < type->getNumElements(); ++i) {
      const llvm::Constant *bit = mask->getAggregateElement(i);
      if (bit && bit->isNullValue())
        continue;
      if (lane || !bit || !bit->isOneValue())
        return std::nullopt;
      lane = i;
    }
    return lane;
  };
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction :
         llvm::make_early_inc_range(llvm::instructions(function))) {
      auto *store = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
      if (!store || store->getIntrinsicID() != llvm::Intrinsic::masked_store)
        continue;
      auto lane = loneLane(store->getArgOperand(2));
      if (!lane)
        continue;
      llvm::IRBuilder<> b(store);
      llvm::Value *element =
          b.CreateExtractElement(store->getArgOperand(0), *lane);
      b.CreateAlignedStore(element,
                           b.CreateConstGEP1_64(element->getType(),
                                                store->getArgOperand(1), *lane),
                           llvm::Align(1));
      store->eraseFromParent();
    }
}

std::unique_ptr<llvm::Module>
qnt::cpu::translateToLLVMIR(ModuleOp module, const ISA &isa,
                            llvm::LLVMContext &context) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  std::unique_ptr<llvm::Module> result =
      mlir::translateModuleToLLVMIR(module, context);
  if (!result) {
    module.emitError("translation to LLVM IR failed");
    return nullptr;
  }
  std::string error;
  auto machine = createTargetMachine(isa, error);
  if (!machine) {
    module.emitError("no code generator: ") << error;
    return nullptr;
  }
  result->setDataLayout(machine->createDataLayout());
  result->setTargetTriple(machine->getTargetTriple());
  for (llvm::Function &function : *result) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", isa.cpu);
    if (!isa.features.empty())
      function.addFnAttr("target-features", isa.features);
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  target::optimise(*result, *machine, llvm::OptimizationLevel::O2);
  storeLoneLanes(*result);
  return result;
}

std::string qnt::cpu::emitMachineCode(llvm::Module &module, const ISA &isa,
                                      FileKind kind, std::string &error) {
  auto machine = createTargetMachine(isa, error);
  if (!machine)
    return {};
  std::string code = target::emitFile(
      module, *machine,
      kind == FileKind::Object ? llvm::CodeGenFileType::ObjectFile
                               : llvm::CodeGenFileType::AssemblyFile);
  if (code.empty())
    error = "the code generator cannot write this kind of file";
  return code;
}

//===----------------------------------------------------------------------===//
// Linking
//===----------------------------------------------------------------------===//

LogicalResult qnt::cpu::linkShared(ArrayRef<std::string> objects,
                                   const ISA &isa, StringRef output,
                                   std::string &error) {
  llvm::ErrorOr<std::string> linker = std::errc::no_such_file_or_directory;
  for (StringRef name : {"ld.lld-22", "ld.lld", "ld"})
    if ((linker = llvm::sys::findProgramByName(name)))
      break;
  if (!linker) {
    error = "no linker found: install lld-22 (ld.lld-22) or binutils (ld)";
    return failure();
  }
  llvm::SmallString<128> log;
  if (llvm::sys::fs::createTemporaryFile("qnt-link", "log", log)) {
    error = "cannot create a temporary file";
    return failure();
  }
  SmallVector<StringRef> args{
      *linker, "-shared", "-z", "relro", "--hash-style=gnu", "-o", output};
  for (const std::string &object : objects)
    args.push_back(object);
  // The sines and cosines of rotary tables are the C library's.
  static constexpr StringRef forX86[] = {"/lib/x86_64-linux-gnu", "/lib64",
                                         "/usr/lib64"};
  static constexpr StringRef forAArch64[] = {
      "/lib/aarch64-linux-gnu", "/usr/aarch64-linux-gnu/lib", "/usr/lib64"};
  for (StringRef folder : isa.arch == ISA::Arch::X86_64
                              ? ArrayRef(forX86)
                              : ArrayRef(forAArch64)) {
    args.push_back("-L");
    args.push_back(folder);
  }
  args.push_back("-l:libm.so.6");
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log),
                                          StringRef(log)};
  int status =
      llvm::sys::ExecuteAndWait(*linker, args, std::nullopt, redirects);
  if (status != 0) {
    auto text = llvm::MemoryBuffer::getFile(log);
    StringRef lines = text ? (*text)->getBuffer().trim() : StringRef();
    // The line that says why, where there are several.
    constexpr StringLiteral mark = "error: ";
    size_t why = lines.find_insensitive(mark);
    StringRef line =
        lines.substr(why == StringRef::npos ? 0 : why + mark.size());
    error = "the linker failed: " + line.split('\n').first.str();
    (void)llvm::sys::fs::remove(output);
  }
  (void)llvm::sys::fs::remove(log);
  return success(status == 0);
}
