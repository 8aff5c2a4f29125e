//===- ModuleLowering.h - functions on tensors to kernel calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_LOWERING_MODULELOWERING_H
#define QNT_LIB_TARGET_CPU_LOWERING_MODULELOWERING_H

#include "../../Common/ModuleLowering.h"
#include "../Kernels.h"

namespace qnt::cpu {

/// The kernels are functions of the host's module, called by its other
/// functions.
class ModuleLowering : public target::ModuleLowering {
public:
  ModuleLowering(mlir::ModuleOp source, mlir::ModuleOp host, const ISA &isa)
      : target::ModuleLowering(source, host, isa.name), lib(host, isa) {}

  KernelLibrary lib;
  /// Names of the arrays that hold constants.
  llvm::DenseMap<mlir::Attribute, std::string> constants;

protected:
  mlir::LogicalResult lowerFunction(mlir::func::FuncOp function) override;
  int64_t getCacheBytesPerPosition(nn::KVCacheType cache) const override;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_LOWERING_MODULELOWERING_H
