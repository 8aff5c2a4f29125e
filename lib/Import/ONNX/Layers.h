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

/// The node of that operator of ONNX that gives `name`; null when another does.
const NodeProto *findProducer(const Scope &scope, llvm::StringRef name,
                              llvm::StringRef op);

/// Imports the product that ends a linear layer on codes whose range is found
/// at run time as that layer, and returns true; see importAsLayer.
bool importDynamicLinear(Node &node, const Scope &scope);

/// Imports a node that ends a known group of nodes (gelu by Erf or Tanh, silu,
/// a layer norm or RMS norm by means and roots, of f32, a linear layer on
/// DynamicQuantizeLinear) as the layer that the group is, and returns true. The
/// nodes before it are imported already; those that nothing else uses fall
/// away.
bool importAsLayer(Node &node, const Scope &scope);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_LAYERS_H
