//===- Reductions.h - sums, maxima and products along axes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_REDUCTIONS_H
#define QNT_IMPORT_ONNX_REDUCTIONS_H

#include "Scalars.h"

namespace qnt::onnx {

/// The sum of `term` of each element along `axes` (ascending), in the
/// accumulator's type of `input`, without `axes`.
Tensor sumAlong(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> axes,
                Formula term);
Tensor sumAlong(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> axes);
/// NaN where an element is. Of no elements, minus infinity or the lowest.
Tensor maxAlong(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> axes);
Tensor minAlong(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> axes);
/// sumAlong divided by the number of elements.
Tensor meanAlong(Node &node, const Tensor &input, llvm::ArrayRef<int64_t> axes);
/// The index along `axis` of the first or last element that is the largest
/// (`isMax`) or smallest, i64, without the axis. The first NaN counts as both.
Tensor findExtreme(Node &node, const Tensor &input, int64_t axis, bool isMax,
                   bool isLast);
/// exp(x) over the sum of exp(x) along `axis`, of f32 or f64.
Tensor softmax(Node &node, const Tensor &input, int64_t axis);
/// All axes of `input`.
llvm::SmallVector<int64_t> allAxes(const Tensor &input);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_REDUCTIONS_H
