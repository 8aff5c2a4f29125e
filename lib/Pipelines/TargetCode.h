//===- TargetCode.h - what targets make of a module -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_TARGETCODE_H
#define QNT_LIB_PIPELINES_TARGETCODE_H

#include "ModelFile.h"

#include "qnt/Pipelines/Options.h"

namespace qnt {

/// Code for the host of a model, of a module whose parameters are written. The
/// module stays as it is. Errors are reported at it, or at an op.
mlir::FailureOr<ModelCode> generateForCPU(mlir::ModuleOp module,
                                          const TargetOptions &target);
mlir::FailureOr<ModelCode> generateForCUDA(mlir::ModuleOp module,
                                           const TargetOptions &target);

/// The code alone, to be read: .ll, .s or .o of the one instruction set, or the
/// kernels of the chip as .ptx, .cubin or .mlir, as the name of `output` ends.
mlir::LogicalResult writeCodeForCPU(mlir::ModuleOp module,
                                    const TargetOptions &target,
                                    llvm::StringRef output);
mlir::LogicalResult writeCodeForCUDA(mlir::ModuleOp module,
                                     const TargetOptions &target,
                                     llvm::StringRef output);

/// The folder of an FPGA's design: README.md, verilog/.
mlir::LogicalResult writeDesign(mlir::ModuleOp module,
                                const TargetOptions &target,
                                llvm::StringRef folder);

} // namespace qnt

#endif // QNT_LIB_PIPELINES_TARGETCODE_H
