//===- ModuleLowering.h - functions on tensors to launches -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_LOWERING_MODULELOWERING_H
#define QNT_LIB_TARGET_CUDA_LOWERING_MODULELOWERING_H

#include "../../Common/ModuleLowering.h"
#include "../Kernels.h"

namespace qnt::cuda {

/// The kernels lie in a gpu.module; functions of the host launch them by
/// number.
class ModuleLowering : public target::ModuleLowering {
public:
  ModuleLowering(mlir::ModuleOp source, mlir::ModuleOp host,
                 mlir::gpu::GPUModuleOp kernels, const Chip &chip)
      : target::ModuleLowering(source, host, chip.name), lib(kernels, chip) {}

  /// The number of a kernel, by which the host launches it.
  int64_t getNumber(const Kernel &kernel);

  /// Where counters of blocks end in the workspace, and what blocks share
  /// begins: no grid of blocks that share tiles has more of them than there are
  /// multiprocessors.
  int64_t getCounterBytes() const {
    return llvm::alignTo(4 * lib.chip.multiprocessors, 256);
  }
  /// Sees to it that the workspace holds `bytes` beside the counters.
  void needWorkspace(int64_t bytes) {
    workspaceBytes = std::max(workspaceBytes, bytes);
  }

  /// Where these bytes lie among the model's constants, which the attribute
  /// `qnt.constants` of the source holds in the end.
  int64_t getConstant(llvm::StringRef bytes);

  KernelLibrary lib;

protected:
  mlir::LogicalResult lowerFunction(mlir::func::FuncOp function) override;
  int64_t getCacheBytesPerPosition(nn::KVCacheType cache) const override;
  void describe(llvm::json::Object &manifest) override;

private:
  llvm::SmallVector<std::string> names;
  /// Of the manifest: arguments that are tensor maps.
  llvm::json::Array tensorMaps;
  llvm::StringMap<int64_t> numbers;
  int64_t workspaceBytes = 0;
  std::string constants;
  llvm::StringMap<int64_t> constantOffsets;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_LOWERING_MODULELOWERING_H
