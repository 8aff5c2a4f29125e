//===- Passes.td - passes of the CPU target ----------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CPU_PASSES_TD
#define QNT_TARGET_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ChooseLayoutsPass : Pass<"qnt-cpu-layout"> {
  let summary = "memory layouts of weights and quantised activations";
  let description = [{
    Gives every weight of a `qnt.linear` the layout `#qnt.panels` by a `qnt.pack`
    of the parameter, and every quantised activation the layout `#qnt.rows` that
    its consumers' dot products want: signed or unsigned bytes, sums over the
    weights' groups. Consumers that want different layouts get a `qnt.quantize`
    each.

    Fails where weights are no parameters, or a format has no lowering.
  }];
  let dependentDialects = ["::qnt::QNTDialect"];
}

def ChooseStrategiesPass : Pass<"qnt-cpu-strategy"> {
  let summary = "tiles and kernels of contractions";
  let description = [{
    Attaches a `#qnt.strategy` to every `qnt.linear`: the dot product of the
    instruction set and register tiles by bucket of rows, those with the fewest
    estimated cycles of all that fit its registers. What was chosen is a remark
    (category `qnt-cpu-strategy`).
  }];
  let options = [
    Option<"isa", "isa", "std::string", /*default=*/"\"native\"",
           "Instruction set: native, amx, avx512vnni, avxvnni, avx2, portable; "
           "i8mm, dotprod or neon">,
    Option<"tiles", "tiles", "std::string", /*default=*/"",
           "Tiles of linear layers, in place of those with the fewest estimated "
           "cycles: 1x4+4x4+6x4, or of one kind int4:32=1x2+4x3+6x2,...">
  ];
  let dependentDialects = ["::qnt::QNTDialect"];
}

def LowerToCPUPass : Pass<"qnt-lower-to-cpu", "::mlir::ModuleOp"> {
  let summary = "functions on tensors to calls of generated kernels";
  let description = [{
    Plans every function's memory (one arena; offsets are polynomials in the
    symbolic dimensions), generates each distinct kernel once, and rewrites
    functions to calls of them. Leaves `llvm.func`s with arith, math, vector, scf
    and llvm inside, the entry points of the module ABI, and the manifest as the
    module attribute `qnt.manifest`.

    Expects parameters to be loads of materialised globals, strategies and
    layouts chosen. Fails with an error at the first op that it has no kernel
    for.
  }];
  let options = [
    Option<"isa", "isa", "std::string", /*default=*/"\"native\"",
           "Instruction set: native, amx, avx512vnni, avxvnni, avx2, portable; "
           "i8mm, dotprod or neon">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def LowerKernelsToLLVMPass : Pass<"qnt-cpu-kernels-to-llvm", "::mlir::ModuleOp"> {
  let summary = "bodies of kernels to the llvm dialect";
  let description = [{
    The rest of the way to `mlir-translate --mlir-to-llvmir`: scf, vector, math
    and arith become the llvm dialect. Fails at the first op that is left.
  }];
}

#endif // QNT_TARGET_CPU_PASSES_TD
