//===- Passes.td - passes of the interpreter ---------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_INTERPRETER_PASSES_TD
#define QNT_INTERPRETER_PASSES_TD

include "mlir/Pass/PassBase.td"

def InterpretPass : Pass<"qnt-interpret", "::mlir::ModuleOp"> {
  let summary = "run functions and check their expectations";
  let description = [{
    Runs every function without arguments in the reference interpreter and fails
    with the first `qcheck` expectation that does not hold. `!nn.kv_cache`
    arguments do not count: they are given empty caches. A module that has no
    such function is an error. The IR is left as it is.

    ```mlir
    func.func @erf_not_tanh() {
      %x = arith.constant dense<[1.0, -0.5]> : tensor<2xf32>
      %y = nn.activation gelu %x : tensor<2xf32>
      %z = arith.constant dense<[0.841344746, -0.15426877]> : tensor<2xf32>
      qcheck.expect_close %y, %z rtol 1.0e-6 : tensor<2xf32>
      return
    }
    ```
  }];
  let options = [
    Option<"entry", "entry", "std::string", /*default=*/"",
           "Run only this function.">,
    Option<"cacheBatch", "cache-batch", "int64_t", /*default=*/"4",
           "Sequences of a cache argument.">,
    Option<"cachePositions", "cache-positions", "int64_t", /*default=*/"64",
           "Positions of a cache argument.">
  ];
  // Caches of codes are quantised as its types say.
  let dependentDialects = ["::qnt::QNTDialect"];
}

#endif // QNT_INTERPRETER_PASSES_TD
