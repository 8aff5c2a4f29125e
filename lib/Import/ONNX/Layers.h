//===- Layers.h - layers that a graph writes in parts -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_LAYERS_H
#define QNT_IMPORT_ONNX_LAYERS_H

#include "Node.h"

namespace qnt::onnx {

struct Scope;

/// Imports a node that ends a known group of nodes (gelu by Erf or Tanh, silu,
/// a layer norm or RMS norm by means and roots, of f32) as the layer that the
/// group is, and returns true. The nodes before it are imported already; those
/// that nothing else uses fall away.
bool importAsLayer(Node &node, const Scope &scope);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_LAYERS_H
