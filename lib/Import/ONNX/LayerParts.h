//===- LayerParts.h - layers that several operators consist of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_LAYERPARTS_H
#define QNT_IMPORT_ONNX_LAYERPARTS_H

#include "Node.h"

namespace qnt::onnx {

/// Sum and product, broadcast; nn ops where they have the form.
Tensor add(Node &node, const Tensor &lhs, const Tensor &rhs);
Tensor multiply(Node &node, const Tensor &lhs, const Tensor &rhs);

/// Tensors of one type one after the other along `axis`, which may be negative.
Tensor concat(Node &node, llvm::ArrayRef<Tensor> parts, int64_t axis);

/// The mean of each image [N, C, ...], with dimensions of 1.
Tensor averageImages(Node &node, const Tensor &images);
/// AveragePool by the attributes of the node.
Tensor averageWindows(Node &node, const Tensor &images);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_LAYERPARTS_H
