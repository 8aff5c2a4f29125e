//===- Llama.h - decoders of the Llama family -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Decoders of pre-norm blocks, rotary positions, grouped queries and a gated
// MLP (Touvron et al. 2023), and what Mistral, Qwen and SmolLM change in them.
// An importer answers what LlamaShape asks; the graph is the same for all.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GRAPH_LLAMA_H
#define QNT_IMPORT_GRAPH_LLAMA_H

#include "GraphBuilder.h"
#include "Model.h"

namespace qnt::importer {

struct RopeSettings {
  /// Features of each head that are rotated.
  int64_t dim = 0;
  double theta = 0;
  /// May be null.
  nn::RopeScalingAttr scaling;
};

/// A checked configuration. Query and key rows are in the order of rotated
/// halves: feature i of a head turns with feature i + rope.dim / 2.
struct LlamaShape {
  int64_t vocab = 0, hidden = 0, intermediate = 0, layers = 0;
  int64_t heads = 0, kvHeads = 0, headDim = 0, maxPositions = 0;
  double eps = 0;
  nn::ActivationKind activation = nn::ActivationKind::Silu;
  bool inputBias = false, outputBias = false, mlpBias = false;
  /// Queries and keys are normalised head by head.
  bool normsHeads = false;
  RopeSettings rope;
  /// For every layer: the window, and whether positions are rotated.
  llvm::SmallVector<std::optional<int64_t>> windows;
  llvm::SmallVector<bool> rotates;
  /// The full name of the head's matrix, which may be the embedding's.
  std::string head;
};

/// Writes the functions of docs/ir.md for a causal language model. Modules are
/// called as in a HuggingFace checkpoint: `graph` maps their names to the
/// tensors'. `kvType` is "f16" or "f32".
ModelInfo buildLlama(GraphBuilder &graph, const LlamaShape &shape,
                     llvm::StringRef kvType);

/// Throws ImportError unless `kvType` is the name of a type of the KV cache.
void checkKVType(llvm::StringRef kvType);

} // namespace qnt::importer

#endif // QNT_IMPORT_GRAPH_LLAMA_H
