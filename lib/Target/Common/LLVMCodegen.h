//===- LLVMCodegen.h - optimises and writes LLVM IR -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_LLVMCODEGEN_H
#define QNT_LIB_TARGET_COMMON_LLVMCODEGEN_H

#include "llvm/IR/Module.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetMachine.h"

#include <string>

namespace qnt::target {

/// LLVM's pipeline for `machine`, but for vectorising and unrolling: kernels
/// have what they want of it.
void optimise(llvm::Module &module, llvm::TargetMachine &machine,
              llvm::OptimizationLevel level);

/// Assembly or an object file. Empty where `machine` cannot write such a file.
std::string emitFile(llvm::Module &module, llvm::TargetMachine &machine,
                     llvm::CodeGenFileType kind);

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_LLVMCODEGEN_H
