//===- Loops.h - loops whose bodies read tensors anywhere -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For operators that are more than broadcasting: gathers, windows, padding.
// What a body reads from outside must have been made before the loop: sources,
// sizes (LoopSize).
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_LOOPS_H
#define QNT_IMPORT_ONNX_LOOPS_H

#include "Scalars.h"

namespace qnt::onnx {

/// A dimension as bodies use it: a number, or an index made outside.
class LoopSize {
public:
  LoopSize(int64_t number) : number(number) {}
  LoopSize(Node &node, const Dim &dim);
  mlir::Value get(mlir::OpBuilder &builder, mlir::Location loc) const;
  std::optional<int64_t> constant() const;

private:
  std::optional<int64_t> number;
  mlir::Value value;
};

/// A tensor that bodies read at indices.
struct Source {
  Source(Node &node, const Tensor &tensor);
  mlir::Value value;
  DType dtype;
  llvm::SmallVector<LoopSize> sizes;
};

/// Writes arithmetic on indices into the body of a loop.
class LoopBody {
public:
  using Value = mlir::Value;
  LoopBody(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  /// The index of a loop.
  Value index(int64_t loop) const;
  Value constant(int64_t value) const;
  Value size(const LoopSize &size) const { return size.get(builder, loc); }
  Value add(Value x, Value y) const;
  Value add(Value x, int64_t y) const;
  Value sub(Value x, Value y) const;
  Value mul(Value x, int64_t y) const;
  Value mul(Value x, Value y) const;
  /// Of indices that are not negative.
  Value div(Value x, int64_t y) const;
  Value rem(Value x, int64_t y) const;
  Value min(Value x, Value y) const;
  Value max(Value x, Value y) const;
  /// `x` moved into [0, size).
  Value clamp(Value x, const LoopSize &size) const;
  /// 0 <= x < size, as one comparison.
  Value isWithin(Value x, const LoopSize &size) const;
  Value less(Value x, Value y) const;
  Value equal(Value x, Value y) const;
  Value both(Value x, Value y) const;
  Value select(Value condition, Value x, Value y) const;
  /// A number of an integer type as an index, and back.
  Value toIndex(Value number, DType dtype) const;
  Value fromIndex(Value index, DType dtype) const;
  /// `x` of a dimension, of which negative ones count from the end, moved into
  /// it: what is outside is undefined in ONNX, but read somewhere.
  Value wrapNegative(Value x, const LoopSize &size) const;

  /// An element, at indices inside the source.
  Value read(const Source &source, mlir::ValueRange indices) const;
  /// An element, or `otherwise` where one of the indices from `first` on is
  /// outside.
  Value readOr(const Source &source, mlir::ValueRange indices, size_t first,
               Value otherwise) const;
  Scalars scalars(DType dtype) const { return Scalars(builder, loc, dtype); }

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

/// A tensor whose element at the loops' indices is what `body` gives.
Tensor generate(Node &node, DType dtype, llvm::ArrayRef<Dim> shape,
                llvm::function_ref<mlir::Value(const LoopBody &)> body);

/// As `generate`, with `reductions` as further loops, the innermost: `body` is
/// given what there is so far, beginning with `initial`.
Tensor
accumulate(Node &node, DType dtype, llvm::ArrayRef<Dim> shape,
           llvm::ArrayRef<Dim> reductions, mlir::TypedAttr initial,
           llvm::function_ref<mlir::Value(const LoopBody &, mlir::Value)> body);

/// As `accumulate`, of several tensors of one shape at once.
llvm::SmallVector<Tensor>
accumulate(Node &node, llvm::ArrayRef<DType> dtypes, llvm::ArrayRef<Dim> shape,
           llvm::ArrayRef<Dim> reductions,
           llvm::ArrayRef<mlir::TypedAttr> initial,
           llvm::function_ref<llvm::SmallVector<mlir::Value>(const LoopBody &,
                                                             mlir::ValueRange)>
               body);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_LOOPS_H
