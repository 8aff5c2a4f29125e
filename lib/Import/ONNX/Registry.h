//===- Registry.h - the operators that are imported -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An operator is one function and one line in its family's table.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_REGISTRY_H
#define QNT_IMPORT_ONNX_REGISTRY_H

#include "Node.h"

namespace qnt::onnx {

struct Operator {
  llvm::StringLiteral name;
  /// The first version of the domain's opset with the meaning imported.
  int64_t since;
  /// Reads the node's inputs and attributes, sets its outputs.
  void (*import)(Node &node);
  /// What of the specification is refused; for the documentation.
  llvm::StringLiteral restrictions = "";
  /// "" is the default domain, ai.onnx.
  llvm::StringLiteral domain = "";
  /// Whether equal inputs give equal outputs: what may be computed when
  /// importing.
  bool isPure = true;
};

/// The newest opset of the default domain that is imported.
constexpr int64_t maxOpset = 23;

llvm::ArrayRef<Operator> getActivationOperators();
llvm::ArrayRef<Operator> getAttentionOperators();
llvm::ArrayRef<Operator> getBinaryOperators();
llvm::ArrayRef<Operator> getContribOperators();
llvm::ArrayRef<Operator> getControlFlowOperators();
llvm::ArrayRef<Operator> getConvOperators();
llvm::ArrayRef<Operator> getEinsumOperators();
llvm::ArrayRef<Operator> getElementwiseOperators();
llvm::ArrayRef<Operator> getGatherOperators();
llvm::ArrayRef<Operator> getGeneratorOperators();
llvm::ArrayRef<Operator> getImageNormOperators();
llvm::ArrayRef<Operator> getMatMulOperators();
llvm::ArrayRef<Operator> getMovementOperators();
llvm::ArrayRef<Operator> getNormalizeOperators();
llvm::ArrayRef<Operator> getPadOperators();
llvm::ArrayRef<Operator> getPoolOperators();
llvm::ArrayRef<Operator> getQLinearOperators();
llvm::ArrayRef<Operator> getQONNXOperators();
llvm::ArrayRef<Operator> getQuantizeOperators();
llvm::ArrayRef<Operator> getReduceOperators();
llvm::ArrayRef<Operator> getResizeOperators();
llvm::ArrayRef<Operator> getShapeOperators();
llvm::ArrayRef<Operator> getTopKOperators();
llvm::ArrayRef<Operator> getValueOperators();

/// All operators in order of domain and name.
std::vector<const Operator *> getOperators();
/// Null when there is none.
const Operator *findOperator(llvm::StringRef domain, llvm::StringRef name);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_REGISTRY_H
