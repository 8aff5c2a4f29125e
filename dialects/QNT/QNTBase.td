//===- QNTBase.td - what ops on quantised tensors share ----*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECTS_QNT_QNTBASE_TD
#define QNT_DIALECTS_QNT_QNTBASE_TD

include "dialects/QNT/QNTTypes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class QNT_Op<string opMnemonic, list<Trait> traits = []>
    : Op<QNT_Dialect, opMnemonic, traits>;

def QNT_FloatTensor : RankedTensorOf<[AnyFloat]>;
def QNT_Ids : RankedTensorOf<[I32]>;
def QNT_IntegerTensor : RankedTensorOf<[I8, I16, I32]>;
def QNT_AnyTensor : AnyTypeOf<[QNT_FloatTensor, QNT_TensorType]>;

def QNT_F32Tensor : RankedTensorOf<[F32]>;
def QNT_F32Scalar : 0DTensorOf<[F32]>;

#endif // QNT_DIALECTS_QNT_QNTBASE_TD
