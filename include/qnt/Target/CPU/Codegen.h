//===- Codegen.h - from kernels to machine code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CPU_CODEGEN_H
#define QNT_TARGET_CPU_CODEGEN_H

#include "qnt/Target/CPU/ISA.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace qnt::cpu {

/// Lowers a module of kernels (llvm.func with arith, math, vector, scf and llvm
/// inside) to the llvm dialect alone. Fails with an error at the first op that
/// is left.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

/// LLVM IR of a lowered module, optimised for `isa`. Null after an error at the
/// module.
std::unique_ptr<llvm::Module> translateToLLVMIR(mlir::ModuleOp module,
                                                const ISA &isa,
                                                llvm::LLVMContext &context);

enum class FileKind { Assembly, Object };
/// Machine code of `module` for `isa`, or an empty string after an error, whose
/// text is put in `error`.
std::string emitMachineCode(llvm::Module &module, const ISA &isa, FileKind kind,
                            std::string &error);

/// Links object files for processors of `isa`'s architecture into the shared
/// library `output`, which does not exist after a failure; `error` then gets
/// the linker's words. Linkers crash on a full disk: give a temporary file and
/// copy it.
mlir::LogicalResult linkShared(llvm::ArrayRef<std::string> objects,
                               const ISA &isa, llvm::StringRef output,
                               std::string &error);

} // namespace qnt::cpu

#endif // QNT_TARGET_CPU_CODEGEN_H
