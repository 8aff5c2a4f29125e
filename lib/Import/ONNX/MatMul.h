//===- MatMul.h - products of matrices -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_MATMUL_H
#define QNT_IMPORT_ONNX_MATMUL_H

#include "Node.h"

namespace qnt::onnx {

/// nn.linear of `input` [..., K] and a constant `weight` [N, K], with a
/// constant `bias` [N] or none; f16 and bf16 are computed in f32. None where
/// the layer does not have this form.
std::optional<Tensor> linear(Node &node, const Tensor &input,
                             const Tensor &weight, const Tensor *bias);

/// [..., M, K] times [..., K, N], of rank 2 at least, whose batches are
/// broadcast; elements are converted to `accumulator` first, which is the type
/// of the result.
Tensor matmul(Node &node, const Tensor &lhs, const Tensor &rhs,
              DType accumulator);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_MATMUL_H
