//===- Tensors.h - writes tensor code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_GRADIENT_TENSORS_H
#define QNT_LIB_TRANSFORMS_GRADIENT_TENSORS_H

#include "qnt/Dialect/NN/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace qnt {

/// Writes arithmetic on numbers, as the bodies of linalg ops hold it.
class Numbers {
public:
  Numbers(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;

  mlir::Value constant(mlir::Type type, double value);
  mlir::Value f32(double value) {
    return constant(builder.getF32Type(), value);
  }
  mlir::Value index(int64_t value);
  /// The index of a loop.
  mlir::Value loop(int64_t number);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y);
  mlir::Value neg(mlir::Value x);
  mlir::Value exp(mlir::Value x);
  mlir::Value sqrt(mlir::Value x);
  mlir::Value less(mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  /// x where `condition` holds, else 0.
  mlir::Value where(mlir::Value condition, mlir::Value x);
};

/// What a loop nest folds over the loops that its result lacks.
enum class LoopFold { Sum, Maximum };

/// Writes tensors of f32.
class Tensors {
public:
  using Sizes = llvm::SmallVector<mlir::OpFoldResult>;
  using Body =
      llvm::function_ref<mlir::Value(Numbers &numbers, mlir::ValueRange)>;
  /// An operand of a loop nest: the loop that each of its dimensions follows;
  /// -1: its first place alone.
  struct Operand {
    mlir::Value value;
    llvm::SmallVector<int64_t> loops;
  };

  Tensors(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;

  Sizes sizesOf(mlir::Value value);
  mlir::OpFoldResult size(int64_t number) {
    return builder.getIndexAttr(number);
  }
  mlir::OpFoldResult product(llvm::ArrayRef<mlir::OpFoldResult> sizes);
  mlir::Value asValue(mlir::OpFoldResult size);
  mlir::RankedTensorType typeOf(llvm::ArrayRef<mlir::OpFoldResult> sizes);

  mlir::Value empty(llvm::ArrayRef<mlir::OpFoldResult> sizes);
  mlir::Value filled(llvm::ArrayRef<mlir::OpFoldResult> sizes, double value);
  /// A tensor without elements to read, that gives loops their extents.
  mlir::Value extents(llvm::ArrayRef<int64_t> sizes);
  /// The same elements in another shape.
  mlir::Value reshape(mlir::Value value,
                      llvm::ArrayRef<mlir::OpFoldResult> sizes);
  /// [..., F] as [R, F].
  mlir::Value asRows(mlir::Value value);
  /// `value` in the shape of `like`.
  mlir::Value asLike(mlir::Value value, mlir::Value like) {
    return reshape(value, sizesOf(like));
  }
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  /// With the last two dimensions swapped.
  mlir::Value transposeLast(mlir::Value value);
  mlir::Value matmul(mlir::Value lhs, mlir::Value rhs, bool transposed = false);

  /// One linalg.generic: `body` at each point of `loops`, folded over the loops
  /// that are not in `result`, which lists those that the result's dimensions
  /// follow.
  mlir::Value nest(llvm::ArrayRef<mlir::OpFoldResult> loops,
                   llvm::ArrayRef<Operand> operands,
                   llvm::ArrayRef<int64_t> result, Body body,
                   LoopFold fold = LoopFold::Sum);
  /// `body` of each element of the first value and of the others, which have
  /// its shape or its trailing dimensions.
  mlir::Value map(mlir::ValueRange values, Body body);
  /// `value` summed over its leading dimensions down to rank `rank`.
  mlir::Value sumLeading(mlir::Value value, int64_t rank);
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_GRADIENT_TENSORS_H
