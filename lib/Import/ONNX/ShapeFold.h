//===- ShapeFold.h - computations on shapes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_SHAPEFOLD_H
#define QNT_IMPORT_ONNX_SHAPEFOLD_H

#include "Registry.h"

namespace qnt::onnx {

/// Computes a node on small integer tensors whose elements are known numbers or
/// expressions on dimensions, such as those that exporters write to put the
/// shape of a Reshape together. False when the node is none of these; nothing
/// is set then.
bool foldShapes(Node &node);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_SHAPEFOLD_H
