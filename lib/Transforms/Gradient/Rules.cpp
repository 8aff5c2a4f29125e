//===- Rules.cpp - registration of rules -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rules.h"

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;

void qnt::registerGradientRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachContractionRules(context);
    attachConvolutionRules(context);
    attachPoolRules(context);
    attachElementwiseRules(context);
    attachNormRules(context);
    attachLookupRules(context);
    attachAttentionRules(context);
  });
  registry.addExtension(
      +[](MLIRContext *context, QNTDialect *) { attachQNTRules(context); });
  registry.addExtension(+[](MLIRContext *context, tensor::TensorDialect *) {
    attachShapeRules(context);
  });
  registry.addExtension(+[](MLIRContext *context, linalg::LinalgDialect *) {
    attachLinalgRules(context);
  });
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    attachArithRules(context);
  });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *) {
    attachMathRules(context);
  });
}
