//===- Pipelines.h - named pass pipelines -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_PIPELINES_PIPELINES_H
#define QNT_PIPELINES_PIPELINES_H

#include "qnt/Pipelines/Options.h"

#include "mlir/Pass/PassManager.h"

namespace qnt {

/// What comes before everything else, also before the code of a float model:
/// channels last, folded layers.
void buildCanonicalPipeline(mlir::OpPassManager &pm);

/// From a float model to a quantised one (`qnt-quantize-pipeline`): the
/// canonical form, calibrate where the recipe needs it, quantise, let codes
/// flow, integer arithmetic where the recipe says so. Parameters stay
/// expressions.
void buildQuantizePipeline(mlir::OpPassManager &pm,
                           const QuantizeRecipe &recipe);

/// The part of the CPU target that is the same for every instruction set
/// (`qnt-cpu-params-pipeline`): fuse epilogues, choose layouts, evaluate the
/// parameters into the safetensors file `params`; as a temporary file, names
/// are numbers.
void buildCPUParamsPipeline(mlir::OpPassManager &pm, llvm::StringRef params,
                            bool isTemporary = false);

/// The rest (`qnt-cpu-code-pipeline`): strategies, kernels and functions for
/// one instruction set, down to the llvm dialect.
void buildCPUCodePipeline(mlir::OpPassManager &pm, llvm::StringRef isa,
                          llvm::StringRef tiles = "");

/// The same for GPUs of NVIDIA: epilogues, layouts, parameters; then
/// strategies, kernels and the host's code for one chip, in the llvm dialect,
/// arith and scf.
void buildCUDAParamsPipeline(mlir::OpPassManager &pm, llvm::StringRef params);
void buildCUDACodePipeline(mlir::OpPassManager &pm, llvm::StringRef chip);

/// For FPGAs, of a model whose arithmetic is all integers: its block where
/// `target` names one, the parameters evaluated into the temporary file
/// `params`.
void buildFPGAParamsPipeline(mlir::OpPassManager &pm, llvm::StringRef params,
                             const TargetOptions &target);
/// Then units, their folding for frames of as many cycles as `target` says,
/// processes.
void buildFPGADesignPipeline(mlir::OpPassManager &pm,
                             const TargetOptions &target);

/// Makes the pipelines known by name, and `qnt-cpu-pipeline`, which is the two
/// of the CPU one after the other.
void registerPipelines();

} // namespace qnt

#endif // QNT_PIPELINES_PIPELINES_H
