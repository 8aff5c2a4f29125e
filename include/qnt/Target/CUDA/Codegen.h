//===- Codegen.h - from GPU kernels to PTX and cubins -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CUDA_CODEGEN_H
#define QNT_TARGET_CUDA_CODEGEN_H

#include "qnt/Target/CUDA/Chip.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

#include <map>
#include <string>

namespace qnt::cuda {

/// PTX of all kernels of `module`, which stays as it is. Empty after an error,
/// reported at an op.
std::string emitPTX(mlir::gpu::GPUModuleOp module, const Chip &chip);

/// What ptxas says of a kernel.
struct KernelResources {
  int64_t registers = 0, stackBytes = 0, spillStores = 0, spillLoads = 0;
  /// Shared memory of fixed size.
  int64_t sharedBytes = 0;
  /// Whether each wgmma waits for the one before it, as registers or their uses
  /// do not allow otherwise.
  bool isSerialized = false;
};

struct Assembled {
  std::string cubin;
  std::map<std::string, KernelResources> kernels;
};

/// ptxas: of $CUDA_HOME, $CUDA_PATH, the path or /usr/local/cuda; empty where
/// there is none.
std::string findAssembler();
/// Assembles `ptx` by the ptxas at `assembler`. On failure `error` gets the
/// first line that says why.
mlir::FailureOr<Assembled> assemble(llvm::StringRef ptx, const Chip &chip,
                                    llvm::StringRef assembler,
                                    std::string &error);

} // namespace qnt::cuda

#endif // QNT_TARGET_CUDA_CODEGEN_H
