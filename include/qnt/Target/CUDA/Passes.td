//===- Passes.td - passes of the CUDA target ---------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CUDA_PASSES_TD
#define QNT_TARGET_CUDA_PASSES_TD

include "mlir/Pass/PassBase.td"

def ChooseLayoutsPass : Pass<"qnt-cuda-layout"> {
  let summary = "memory layouts of weights and activations for GPUs";
  let description = [{
    Gives every weight of a `qnt.linear` the layout `#qnt.fragments` by a
    `qnt.pack` of the parameter, every quantised input the layout `#qnt.rows` of
    signed bytes, and turns inputs of f32 to f16, which is what layers on floats
    multiply.

    ```mlir
    %y = qnt.linear %x, %w : tensor<?x64xf32>, !qnt.tensor<32x64, int4, per_channel, scale f16>
    // becomes
    %p = qnt.pack %w : !qnt.tensor<32x64, int4, per_channel, scale f16> -> !qnt.tensor<32x64, int4, per_channel, scale f16, #qnt.fragments<columns = 64, quad = 2>>
    %h = arith.truncf %x : tensor<?x64xf32> to tensor<?x64xf16>
    %y = qnt.linear %h, %p : ...
    ```

    Fails at a layer for which there is no kernel, with the reason.
  }];
  let dependentDialects = ["::qnt::QNTDialect", "::mlir::arith::ArithDialect"];
}

def ChooseStrategiesPass : Pass<"qnt-cuda-strategy"> {
  let summary = "tiles of contractions";
  let description = [{
    Attaches a `#qnt.block_strategy` to every `qnt.linear`: tiles by bucket of
    rows, as the chip's multiprocessors and shared memory want them. What was
    chosen is a remark (category `qnt-cuda-strategy`).
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "Chip: sm_80, sm_90a, sm_100a or sm_120a">
  ];
  let dependentDialects = ["::qnt::QNTDialect"];
}

def LowerToCUDAPass : Pass<"qnt-lower-to-cuda", "::mlir::ModuleOp"> {
  let summary = "functions on tensors to launches of generated kernels";
  let description = [{
    Plans every function's device memory, generates each distinct kernel once and
    rewrites functions to launches of them. Leaves a `gpu.module` of kernels,
    `llvm.func`s of the host with arith, scf and llvm inside, the entry points of
    the module ABI, and the manifest as the module attribute `qnt.manifest`.

    Expects parameters to be loads of materialised globals, strategies and
    layouts chosen. Fails with an error at the first op that it has no kernel
    for.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "Chip: sm_80, sm_90a, sm_100a or sm_120a">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
    "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::qnt::qgpu::QGPUDialect"];
}

#endif // QNT_TARGET_CUDA_PASSES_TD
