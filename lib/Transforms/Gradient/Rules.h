//===- Rules.h - rules of ops, by dialect -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_GRADIENT_RULES_H
#define QNT_LIB_TRANSFORMS_GRADIENT_RULES_H

#include "qnt/Transforms/Gradient.h"

#include "mlir/IR/MLIRContext.h"

namespace qnt {

/// The external model of an op whose rule is a function.
template <typename OpTy, auto rule>
struct RuleModel
    : DifferentiableOpInterface::ExternalModel<RuleModel<OpTy, rule>, OpTy> {
  llvm::LogicalResult reverse(mlir::Operation *op, ReverseSweep &sweep) const {
    return rule(llvm::cast<OpTy>(op), sweep);
  }
};

/// Makes `rule`, a function of the op and a sweep, the rule of an op.
template <typename OpTy, auto rule>
void attachRule(mlir::MLIRContext *context) {
  OpTy::template attachInterface<RuleModel<OpTy, rule>>(*context);
}

void attachContractionRules(mlir::MLIRContext *context);
void attachConvolutionRules(mlir::MLIRContext *context);
void attachPoolRules(mlir::MLIRContext *context);
void attachElementwiseRules(mlir::MLIRContext *context);
void attachNormRules(mlir::MLIRContext *context);
void attachLookupRules(mlir::MLIRContext *context);
void attachAttentionRules(mlir::MLIRContext *context);
void attachQNTRules(mlir::MLIRContext *context);
/// Of tensor ops.
void attachShapeRules(mlir::MLIRContext *context);
void attachLinalgRules(mlir::MLIRContext *context);
void attachArithRules(mlir::MLIRContext *context);
void attachMathRules(mlir::MLIRContext *context);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_GRADIENT_RULES_H
