//===- ParamExpressions.h - values known once parameters are -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Parameter expressions (docs/ir.md): values computed from loads of external
// globals and constants alone.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_PARAMEXPRESSIONS_H
#define QNT_ANALYSIS_PARAMEXPRESSIONS_H

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/BuiltinOps.h"

namespace qnt {

/// What the names of globals begin with that lie in the statistics file of a
/// module, qnt.statistics, and not in its parameter store.
inline constexpr llvm::StringLiteral statisticsPrefix = "statistics/";

/// Whether `op` may be part of a parameter expression, whatever its operands
/// are: a load, a tensor constant, arith.extf, arith.truncf, nn.add, nn.mul,
/// nn.scale_rows, nn.select_features, nn.linear of a vector, qnt.rotate,
/// qnt.quantize, qnt.dequantize, qnt.pack, qnt.scales, qnt.quantize_bias,
/// qnt.dequantize_bias, qnt.dyadic_shift, qnt.dyadic, qnt.low_rank.
bool isParamExpressionOp(mlir::Operation *op);

/// Whether `value` has static shape and is computed from loads and constants
/// by such ops alone.
bool isParamExpression(mlir::Value value);

/// The load that an expression is named after: the first one met from the
/// first operand on. Null in an expression of constants.
mlir::ml_program::GlobalLoadConstOp getSourceLoad(mlir::Value value);

/// The name of the parameter that an expression is named after, or "".
llvm::StringRef getParamName(mlir::Value value);

/// The module path in a location ("layers.3.mlp.up_proj"), or "".
llvm::StringRef getLocationName(mlir::Location loc);

/// A name for the user: the parameter's, or the location's, or "an unnamed
/// tensor".
std::string describeParam(mlir::Value value);

/// A parameter expression that something other than parameter expressions uses,
/// at all the places where it is written.
struct ParamRoot {
  llvm::SmallVector<mlir::Value> values;
  mlir::Value front() const { return values.front(); }
};

/// The maximal parameter expressions of a module, equal ones joined, in the
/// order in which they appear. Expressions of constants alone count where an
/// nn or qnt op uses them.
llvm::SmallVector<ParamRoot> collectParamRoots(mlir::ModuleOp module);

} // namespace qnt

#endif // QNT_ANALYSIS_PARAMEXPRESSIONS_H
