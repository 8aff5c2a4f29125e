//===- Passes.td - passes that targets share --------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_COMMON_PASSES_TD
#define QNT_TARGET_COMMON_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseEpiloguesPass : Pass<"qnt-fuse-epilogues"> {
  let summary = "one contraction form, with what follows it fused";
  let description = [{
    Turns `nn.linear` into `qnt.linear` on an unquantised weight, so that
    targets have one contraction, and moves additions, products and activations
    that alone use its result into its epilogue.

    ```mlir
    %0 = qnt.linear %xq, %w : ...
    %1 = nn.activation silu %0 : tensor<?x768xf32>
    %2 = nn.mul %1, %up : tensor<?x768xf32>, tensor<?x768xf32>
    // becomes
    %2 = qnt.linear %xq, %w epilogue [silu, mul](%up : tensor<?x768xf32>) : ...
    ```
  }];
  let dependentDialects = ["::qnt::QNTDialect"];
}

#endif // QNT_TARGET_COMMON_PASSES_TD
