//===- LayerRules.h - how each layer is quantised ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_LAYERRULES_H
#define QNT_LIB_TRANSFORMS_LAYERRULES_H

#include "QuantizeRules.h"

#include "qnt/Dialect/NN/NN.h"

#include "llvm/ADT/DenseSet.h"

namespace qnt {

/// The rules of one module, layer by layer: what the options say, what its
/// qnt.allocation and attributes of layers say in their place, and what it
/// brought quantised already.
class LayerRules {
public:
  LayerRules() = default;
  /// Emits an error where the options say nothing sensible, or the module's
  /// attributes do.
  static mlir::FailureOr<LayerRules>
  make(mlir::ModuleOp module, QuantizeOptions options,
       std::shared_ptr<const CostModel> costModel);

  /// Of an nn.linear or nn.conv; a null format: it stays as it is.
  WeightRule getRule(mlir::Operation *layer);
  WeightRule getRule(nn::EmbeddingOp embedding);
  /// What the values of functions with convolutions are encoded as; a null
  /// format: they stay floating point.
  const ActivationFormat &getImageFormat() const { return rules.image; }
  bool isPerTensor() const { return rules.perTensor; }
  /// What qnt.allocation says of a linear layer's input; a null format: floats.
  std::optional<ActivationFormat>
  getAllocatedInput(mlir::Operation *layer) const;
  /// What it says of the KV cache; empty: nothing.
  mlir::StringRef getAllocatedCache() const { return rules.allocatedCache; }
  /// Warns of expressions in `keep` that were never found.
  void reportUnused(mlir::ModuleOp module) const;

private:
  mlir::LogicalResult checkAllocation(mlir::ModuleOp module);
  mlir::LogicalResult findAllocatedInputs(mlir::ModuleOp module);
  void reportUnmatched(mlir::ModuleOp module);
  WeightRule getWeightRule(mlir::Operation *layer);
  WeightRule getStoredRule(QTensorType type, bool kept) const;

  QuantizeOptions options;
  std::shared_ptr<const CostModel> costModel;
  QuantizeRules rules;
  llvm::DenseSet<mlir::Operation *> heads;
  llvm::DenseMap<mlir::Operation *, ActivationFormat> inputs;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_LAYERRULES_H
