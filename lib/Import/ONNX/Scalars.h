//===- Scalars.h - formulas on scalars -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_SCALARS_H
#define QNT_IMPORT_ONNX_SCALARS_H

#include "Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace qnt::onnx {

/// Element types that an operator may take.
llvm::ArrayRef<DType> floatTypes();
llvm::ArrayRef<DType> integerTypes();
/// Floats and integers.
llvm::ArrayRef<DType> numberTypes();
llvm::ArrayRef<DType> allTypes();

/// Writes arithmetic on scalars of one type into the body of a loop.
class Scalars {
public:
  /// `dtype` is that of the operands.
  Scalars(mlir::OpBuilder &builder, mlir::Location loc, DType dtype)
      : builder(builder), loc(loc), dtype(dtype) {}

  using Value = mlir::Value;
  template <typename OpTy, typename... Args> Value op(Args... args) const {
    return OpTy::create(builder, loc, args...);
  }

  Value constant(double value) const {
    return scalarConstant(builder, loc,
                          getElementType(dtype, builder.getContext()), value);
  }
  Value add(Value x, Value y) const {
    return pick<mlir::arith::AddFOp, mlir::arith::AddIOp>(x, y);
  }
  Value sub(Value x, Value y) const {
    return pick<mlir::arith::SubFOp, mlir::arith::SubIOp>(x, y);
  }
  Value mul(Value x, Value y) const {
    return pick<mlir::arith::MulFOp, mlir::arith::MulIOp>(x, y);
  }
  /// Integers towards zero.
  Value div(Value x, Value y) const {
    return pick<mlir::arith::DivFOp, mlir::arith::DivSIOp,
                mlir::arith::DivUIOp>(x, y);
  }
  /// With the sign of `x`.
  Value rem(Value x, Value y) const {
    return pick<mlir::arith::RemFOp, mlir::arith::RemSIOp,
                mlir::arith::RemUIOp>(x, y);
  }
  /// NaN when one of them is; of bools, or and and.
  Value max(Value x, Value y) const {
    return pick<mlir::arith::MaximumFOp, mlir::arith::MaxSIOp,
                mlir::arith::MaxUIOp>(x, y);
  }
  Value min(Value x, Value y) const {
    return pick<mlir::arith::MinimumFOp, mlir::arith::MinSIOp,
                mlir::arith::MinUIOp>(x, y);
  }
  Value neg(Value x) const {
    return isFloat(dtype) ? op<mlir::arith::NegFOp>(x) : sub(constant(0), x);
  }
  Value abs(Value x) const;
  Value exp(Value x) const { return op<mlir::math::ExpOp>(x); }
  Value log(Value x) const { return op<mlir::math::LogOp>(x); }
  Value sqrt(Value x) const { return op<mlir::math::SqrtOp>(x); }
  Value select(Value condition, Value x, Value y) const {
    return op<mlir::arith::SelectOp>(condition, x, y);
  }
  /// Comparisons are false when an operand is NaN.
  Value less(Value x, Value y) const;
  Value greater(Value x, Value y) const { return less(y, x); }
  Value lessOrEqual(Value x, Value y) const;
  Value equal(Value x, Value y) const;

  mlir::OpBuilder &builder;
  mlir::Location loc;
  DType dtype;

private:
  template <typename Float, typename Signed, typename Unsigned = Signed>
  Value pick(Value x, Value y) const {
    if (isFloat(dtype))
      return op<Float>(x, y);
    if (isInteger(dtype) && !isUnsigned(dtype))
      return op<Signed>(x, y);
    return op<Unsigned>(x, y);
  }
  Value compare(mlir::arith::CmpFPredicate real,
                mlir::arith::CmpIPredicate signedInt,
                mlir::arith::CmpIPredicate unsignedInt, Value x, Value y) const;
};

using Formula = llvm::function_ref<mlir::Value(Scalars &, mlir::ValueRange)>;

/// `formula` on the elements of `inputs`, which are of one type and broadcast
/// against each other; f16 and bf16 are computed in f32.
Tensor compute(Node &node, llvm::ArrayRef<Tensor> inputs, Formula formula);
/// As `compute`, with another type for the result, and no conversion of f16.
Tensor computeAs(Node &node, llvm::ArrayRef<Tensor> inputs, DType result,
                 Formula formula);

/// Fails unless all inputs of the node have the type of the first.
void expectOneType(Node &node);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_SCALARS_H
