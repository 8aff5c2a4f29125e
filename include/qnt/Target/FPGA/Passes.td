//===- Passes.td - passes of the FPGA target ---------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_PASSES_TD
#define QNT_TARGET_FPGA_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerUnitsPass : Pass<"qnt-fpga-lower-units", "::qnt::qflow::DesignOp"> {
  let summary = "Units as processes";
  let description = [{
    Makes a `qflow.process` of every `qflow.fork` and `qflow.width`, so that a
    design is processes and FIFOs alone.

    ```mlir
    %a, %b = qflow.fork %x : !qflow.stream<8x4xui8, 2> -> 2
    // becomes
    %y:2 = qflow.process "fork"(%x) loops [16] : ... {
      ^bb0(%in: !qflow.stream<8x4xui8, 2>, %0: ..., %1: ..., %i: i4):
        %w = qflow.read %in if %true : !qflow.stream<8x4xui8, 2>
        qflow.write %w to %0 if %true : !qflow.stream<8x4xui8, 2>
        qflow.write %w to %1 if %true : !qflow.stream<8x4xui8, 2>
        qflow.next
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // QNT_TARGET_FPGA_PASSES_TD
