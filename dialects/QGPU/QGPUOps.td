//===- QGPUOps.td - instructions that nvvm lacks -----------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QGPU_QGPUOPS_TD
#define QNT_DIALECTS_QGPU_QGPUOPS_TD

include "mlir/IR/DialectBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def QGPU_Dialect : Dialect {
  let name = "qgpu";
  let cppNamespace = "::qnt::qgpu";
  let summary = "Instructions of GPUs that upstream's nvvm dialect lacks";
  let description = [{
    Each has two lowerings: inline PTX, and the emulator's. Kernels use them
    beside the ops of `gpu` and `nvvm`.
  }];
}

class QGPU_Op<string mnemonic, list<Trait> traits = []>
    : Op<QGPU_Dialect, mnemonic, traits>;

def QGPU_Element : I32EnumAttr<"Element", "elements of matrices", [
    I32EnumAttrCase<"S8", 0, "s8">, I32EnumAttrCase<"U8", 1, "u8">,
    I32EnumAttrCase<"F16", 2, "f16">, I32EnumAttrCase<"BF16", 3, "bf16">,
    I32EnumAttrCase<"E4M3", 4, "e4m3">, I32EnumAttrCase<"E5M2", 5, "e5m2">,
    I32EnumAttrCase<"E2M1", 6, "e2m1">]> {
  let cppNamespace = "::qnt::qgpu";
}

def QGPU_Number : AnyTypeOf<[I32, F32]>;

def QGPU_MmaOp : QGPU_Op<"mma", [Pure, AttrSizedOperandSegments]> {
  let summary = "a product of a warp, of floats of 8 bits";
  let description = [{
    D = A B + C by 32 lanes: A is 16 x 32, in four words of a lane, B 32 x 8 in
    two, C and D 16 x 8 in four numbers, with the fragments of
    mma.sync.m16n8k32 (PTX ISA, "Matrix Fragments for mma.m16n8k32").

    ```mlir
    func.func @f(%a: i32, %b: i32, %c: f32) -> f32 {
      %d:4 = qgpu.mma %a, %a, %a, %a times %b, %b plus %c, %c, %c, %c of e4m3, e4m3
        : (i32, i32, i32, i32, i32, i32, f32, f32, f32, f32) -> (f32, f32, f32, f32)
      return %d#0 : f32
    }
    ```

    Constraints: (C1) elements are e4m3 or e5m2; (C2) A has 4 words, B 2, C and D
    4 numbers.
  }];
  let arguments = (ins Variadic<I32>:$a, Variadic<I32>:$b, Variadic<F32>:$c,
                       QGPU_Element:$elementA, QGPU_Element:$elementB);
  let results = (outs Variadic<F32>:$d);
  let assemblyFormat = [{
    $a `times` $b `plus` $c `of` $elementA `,` $elementB attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def QGPU_WgmmaOp : QGPU_Op<"wgmma", [AttrSizedOperandSegments]> {
  let summary = "a product of a warpgroup, A in registers";
  let description = [{
    D = A B + C by 128 lanes, in the background: A is 64 x (32 bytes), its words
    in four registers of a lane, B is (32 bytes) x `n` in shared memory by a
    matrix descriptor, with the inputs of a column in a row of memory, C and D
    are 64 x n in registers, C nothing for zeros. Fragments and descriptors are
    those of wgmma.mma_async (PTX ISA, "Asynchronous Warpgroup Level Matrix
    Instructions"). One op is a wgmma.fence, the product and a
    wgmma.commit_group, so that what was computed in registers before is there.

    D is there once a `qgpu.wgmma_wait` gives it back; until then B is read.

    ```mlir
    func.func @f(%a: i32, %b: i64) -> i32 {
      %d:4 = qgpu.wgmma %a, %a, %a, %a times %b n 8 of s8, s8
        : (i32, i32, i32, i32, i64) -> (i32, i32, i32, i32)
      %e:4 = qgpu.wgmma_wait %d#0, %d#1, %d#2, %d#3
        : (i32, i32, i32, i32) -> (i32, i32, i32, i32)
      return %e#0 : i32
    }
    ```

    Constraints: (C1) `n` is a multiple of 8 up to 256, of integers 24 or,
    beside 8, a multiple of 16; (C2) both elements are 8-bit integers, or 8-bit
    floats, or the same of 16 bits; (C3) A has 4 words, D n / 2 numbers, and C
    as many or none, i32 of integers and f32 of floats; (C4) D goes into other
    products and waits of the same block alone.
  }];
  let arguments = (ins Variadic<I32>:$a, I64:$b, Variadic<QGPU_Number>:$c,
                       I64Attr:$n, QGPU_Element:$elementA,
                       QGPU_Element:$elementB);
  let results = (outs Variadic<QGPU_Number>:$d);
  let assemblyFormat = [{
    $a `times` $b (`plus` $c^)? `n` $n `of` $elementA `,` $elementB attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def QGPU_WgmmaWaitOp : QGPU_Op<"wgmma_wait"> {
  let summary = "waits for all products of the warpgroup";
  let description = [{
    Gives the sums of the warpgroup's products, which are complete: a
    wgmma.wait_group of 0.

    Constraint: (C1) it gives the types that it takes.
  }];
  let arguments = (ins Variadic<QGPU_Number>:$sums);
  let results = (outs Variadic<QGPU_Number>:$results);
  let assemblyFormat = "$sums attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def QGPU_TensorLoadOp : QGPU_Op<"tensor_load"> {
  let summary = "cells of tensor memory, once they are there";
  let description = [{
    Lane i of a warp gets cells of lane 32 (w % 4) + i of tensor memory, w being
    the warp of the block, from the column of `address` on, whose lane is 32 (w
    % 4): a tcgen05.ld of the shape 32x32b, then a tcgen05.wait::ld. Upstream's
    wait gives no values, so that nothing would keep what uses them below it.

    ```mlir
    func.func @f(%address: i32) -> f32 {
      %x:2 = qgpu.tensor_load %address : (i32) -> (f32, f32)
      return %x#0 : f32
    }
    ```

    Constraint: (C1) it gives a power of two of numbers up to 128, all i32 or
    all f32.
  }];
  let arguments = (ins I32:$address);
  let results = (outs Variadic<QGPU_Number>:$values);
  let assemblyFormat = [{
    $address attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // QNT_DIALECTS_QGPU_QGPUOPS_TD
