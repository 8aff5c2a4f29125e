//===- DifferentiableOpInterface.td - reverse rules --------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_DIFFERENTIABLEOPINTERFACE
#define QNT_TRANSFORMS_DIFFERENTIABLEOPINTERFACE

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::qnt";
  let description = [{
    An op that `nn-gradient` can differentiate in reverse (docs/gradients.md).
    Dialects do not depend on it: rules are external models, attached by
    registerGradientRules.
  }];
  let methods = [
    InterfaceMethod<[{
        Adds to each operand that `sweep` has as active what the cotangents of
        the results say about it: the product of these and the op's Jacobian,
        transposed. Called where an operand is active and a result has a
        cotangent. Emits an error, which names the op, where what the op
        computes has no rule.
      }], "::llvm::LogicalResult", "reverse",
      (ins "::qnt::ReverseSweep &":$sweep)>
  ];
}

#endif // QNT_TRANSFORMS_DIFFERENTIABLEOPINTERFACE
