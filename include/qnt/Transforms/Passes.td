//===- Passes.td - passes on models ------------------------*- tablegen -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_PASSES
#define QNT_TRANSFORMS_PASSES

include "qnt/Transforms/AllocatePasses.td"
include "qnt/Transforms/ModelPasses.td"
include "qnt/Transforms/OutlierPasses.td"
include "qnt/Transforms/QuantizePasses.td"

#endif // QNT_TRANSFORMS_PASSES
