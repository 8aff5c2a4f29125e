//===- QCheckOps.td - numerical truth in tests -------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QCHECK_QCHECKOPS_TD
#define QNT_DIALECTS_QCHECK_QCHECKOPS_TD

include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"

def QCheck_Dialect : Dialect {
  let name = "qcheck";
  let cppNamespace = "::qnt::qcheck";
  let summary = "Expectations on values, checked by the interpreter";
  let description = [{
    `quant-opt --qnt-interpret` runs every function without arguments and fails
    with the first expectation that does not hold.
  }];
}

class QCheck_Op<string mnemonic> : Op<QCheck_Dialect, mnemonic, [SameTypeOperands]>;

def QCheck_ExpectEqOp : QCheck_Op<"expect_eq"> {
  let summary = "equal, element by element";
  let description = [{
    Bitwise for integers; for floats equal values, NaN equal to NaN.

    ```mlir
    qcheck.expect_eq %a, %b : tensor<2x3xi32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$actual, AnyRankedTensor:$expected);
  let assemblyFormat = "$actual `,` $expected attr-dict `:` type($actual)";
}

def QCheck_ExpectCloseOp : QCheck_Op<"expect_close"> {
  let summary = "close, element by element";
  let description = [{
    |actual - expected| <= atol + rtol * |expected| everywhere; NaN only against
    NaN.

    ```mlir
    qcheck.expect_close %a, %b atol 1.0e-6 rtol 1.0e-5 : tensor<2x3xf32>
    ```

    Constraints: (C1) the tensors hold floats; (C2) tolerances are not negative.
  }];
  let arguments = (ins AnyRankedTensor:$actual, AnyRankedTensor:$expected,
                       DefaultValuedAttr<F64Attr, "0.0">:$atol,
                       DefaultValuedAttr<F64Attr, "0.0">:$rtol);
  let assemblyFormat = [{
    $actual `,` $expected (`atol` $atol^)? (`rtol` $rtol^)? attr-dict `:` type($actual)
  }];
  let hasVerifier = 1;
}

#endif // QNT_DIALECTS_QCHECK_QCHECKOPS_TD
