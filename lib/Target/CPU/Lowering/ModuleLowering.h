//===- ModuleLowering.h - functions on tensors to kernel calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_LOWERING_MODULELOWERING_H
#define QNT_LIB_TARGET_CPU_LOWERING_MODULELOWERING_H

#include "../Kernels.h"
#include "MemoryPlan.h"
#include "Symbols.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"

namespace qnt::cpu {

/// What is known of the whole module while its functions are lowered one by
/// one: kernels, parameters, operations for the manifest.
struct ModuleLowering {
  ModuleLowering(mlir::ModuleOp source, mlir::ModuleOp target, const ISA &isa)
      : source(source), lib(target, isa) {}

  mlir::ModuleOp source;
  KernelLibrary lib;
  std::map<std::string, FunctionSymbols> symbols;
  std::map<std::string, Kernel> bodies, frames;
  /// Names of parameter tensors, in the order of the entry points' `params`.
  llvm::SmallVector<std::string> params;
  /// The manifest's "ops".
  llvm::json::Array ops;
  /// Bytes of each weight that a contraction reads, by parameter.
  std::map<std::string, int64_t> weightBytes;
  nn::KVCacheType cache;
  /// Names of the arrays that hold constants.
  llvm::DenseMap<mlir::Attribute, std::string> constants;

  int64_t getParam(llvm::StringRef name) {
    auto [known, isNew] =
        paramIndices.try_emplace(name, int64_t(params.size()));
    if (isNew)
      params.push_back(name.str());
    return known->second;
  }

private:
  llvm::StringMap<int64_t> paramIndices;
};

/// Lowers one function whose callees are lowered. The result is
/// void(context, params, frame, symbols..., arguments..., results...), where an
/// argument or result is a pointer, and a KV cache a pointer and its capacity.
mlir::LogicalResult lowerFunction(ModuleLowering &module,
                                  mlir::func::FuncOp function);

/// Adds the entry points of the module ABI for a lowered public function.
mlir::LogicalResult lowerEntry(ModuleLowering &module,
                               mlir::func::FuncOp function,
                               llvm::json::Array &entries);

/// The bytes of a cache of one position and sequence, all layers.
int64_t getCacheBytesPerPosition(nn::KVCacheType cache);

/// Bytes of a function's frame and of those it calls, for given symbols.
mlir::Value emitFrameBytes(ModuleLowering &module, KernelBuilder &k,
                           llvm::StringRef function, mlir::ValueRange symbols);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_LOWERING_MODULELOWERING_H
