//===- ModuleLowering.h - functions on tensors to host code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_MODULELOWERING_H
#define QNT_LIB_TARGET_COMMON_MODULELOWERING_H

#include "Symbols.h"

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"

namespace qnt::target {

/// Lowers a module's functions one by one to code of the host, which calls or
/// launches kernels, and knows what they share: parameters, operations for the
/// manifest. Targets derive it.
class ModuleLowering {
public:
  /// `version` is the name of the variant that the code is, a part of its
  /// symbols.
  ModuleLowering(mlir::ModuleOp source, mlir::ModuleOp host,
                 llvm::StringRef version)
      : source(source), host(host), version(version) {}
  virtual ~ModuleLowering() = default;

  /// Writes `host`: functions, the entry points of the module ABI. Sets the
  /// manifest as attribute `qnt.manifest` of `source`.
  mlir::LogicalResult run();

  mlir::ModuleOp source, host;
  std::string version;
  std::map<std::string, FunctionSymbols> symbols;
  std::map<std::string, mlir::LLVM::LLVMFuncOp> bodies, frames;
  /// Names of parameter tensors, in the order of the entry points' `params`.
  llvm::SmallVector<std::string> params;
  /// The manifest's "ops".
  llvm::json::Array ops;
  /// Bytes of each weight that a contraction reads, by parameter.
  std::map<std::string, int64_t> weightBytes;
  nn::KVCacheType cache;

  int64_t getParam(llvm::StringRef name) {
    auto [known, isNew] =
        paramIndices.try_emplace(name, int64_t(params.size()));
    if (isNew)
      params.push_back(name.str());
    return known->second;
  }

  /// Bytes of a function's frame and of those it calls, for given symbols; -1
  /// where no call with them is possible.
  mlir::Value emitFrameBytes(CodeBuilder &k, llvm::StringRef function,
                             mlir::ValueRange values) const;

protected:
  /// Lowers a function whose callees are lowered.
  virtual mlir::LogicalResult lowerFunction(mlir::func::FuncOp function) = 0;
  /// Bytes of a cache of one position and sequence, all layers.
  virtual int64_t getCacheBytesPerPosition(nn::KVCacheType cache) const = 0;
  /// Adds what the target has to say.
  virtual void describe(llvm::json::Object &manifest) {}

private:
  mlir::LogicalResult sortFunctions();
  mlir::LogicalResult findCache();
  void nameSymbols();
  void writeManifest(llvm::json::Array entries);

  // EntryPoints.cpp
  mlir::LLVM::LLVMFuncOp createEntry(mlir::Location loc,
                                     const std::string &name, mlir::Type result,
                                     llvm::ArrayRef<mlir::Type> args);
  mlir::LogicalResult describeEntry(mlir::func::FuncOp function,
                                    llvm::json::Array &entries);
  void emitEntry(mlir::func::FuncOp function);
  void emitCacheSize();

  /// Callees before callers.
  llvm::SmallVector<mlir::func::FuncOp> order;
  llvm::StringMap<int64_t> paramIndices;
};

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_MODULELOWERING_H
