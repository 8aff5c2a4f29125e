//===- CodePatterns.h - what moves codes through a network -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_CODEPATTERNS_H
#define QNT_LIB_TRANSFORMS_CODEPATTERNS_H

#include "qnt/Dialect/QNT/QNT.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

namespace qnt {

/// What the codes of a tensor mean, as values: those that it was quantised with
/// or wrapped in.
struct CodeScales {
  mlir::Value scale;
  /// Null without zero points.
  mlir::Value zero;
  bool operator==(const CodeScales &other) const = default;
};

/// None of dynamically quantised tensors, arguments and results of calls.
std::optional<CodeScales> findScales(mlir::Value codes);

/// The number of a scalar or uniform f32 constant; none of other values.
std::optional<float> getConstantNumber(mlir::Value value);

/// The codes that `value` was decoded from, in one block per tensor and of an
/// integer format, with scales that findScales finds; else null.
mlir::Value getDecodedImage(mlir::Value value);

/// Whether two scalars of f32 are one number: one value, or equal constants.
bool isOneNumber(mlir::Value a, mlir::Value b);

/// The integers [N] that `bias` adds to the sums of `op`, if it was given in
/// their units; else null.
mlir::Value findSumBias(EpilogueOp op, mlir::Value bias);

/// The weight of a contraction, null for one without.
mlir::Value getWeight(EpilogueOp op);

/// Whether the steps of the contraction `op`, on codes, can be continued: it
/// gives f32, by f32 steps, to one user alone.
bool canAppendSteps(EpilogueOp op);

/// The contraction with more steps, in the rewriter's place.
mlir::Value appendSteps(mlir::PatternRewriter &rewriter, EpilogueOp op,
                        llvm::ArrayRef<EpilogueKind> steps,
                        mlir::ValueRange operands, mlir::Type result);

/// Sums, activations and quantisation after contractions become their epilogue.
void populateCodeEpiloguePatterns(mlir::RewritePatternSet &patterns);

/// Norms, rotations, attention, products and activations of decoded codes whose
/// result is quantised become functions of the codes in integers. What has no
/// such form stays.
llvm::LogicalResult convertFunctionsOfCodes(mlir::func::FuncOp function);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_CODEPATTERNS_H
