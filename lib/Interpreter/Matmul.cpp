//===- Matmul.cpp - products of matrices -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

static LogicalResult evaluate(nn::MatmulOp op, Frame &frame) {
  const Tensor &lhs = frame.tensor(op.getLhs()),
               &rhs = frame.tensor(op.getRhs());
  bool transposed = op.getTransposed();
  int64_t rank = std::max(lhs.getRank(), rhs.getRank());
  int64_t rows = lhs.getDim(lhs.getRank() - 2);
  int64_t depth = lhs.getDim(lhs.getRank() - 1);
  int64_t columns = rhs.getDim(rhs.getRank() - (transposed ? 2 : 1));
  if (rhs.getDim(rhs.getRank() - (transposed ? 1 : 2)) != depth)
    return op.emitOpError("expected matrices of one inner size, got shapes [")
           << lhs.getShape() << "] and [" << rhs.getShape() << "]";
  // By leading dimension of the result: its size, and how many matrices of each
  // operand a step skips.
  SmallVector<int64_t> shape(rank), lhsSteps(rank - 2), rhsSteps(rank - 2);
  int64_t lhsStep = 1, rhsStep = 1, batch = 1;
  for (int64_t i = rank - 3; i >= 0; --i) {
    auto sizeOf = [&](const Tensor &tensor) {
      int64_t at = i - (rank - tensor.getRank());
      return at < 0 ? 1 : tensor.getDim(at);
    };
    int64_t x = sizeOf(lhs), y = sizeOf(rhs);
    if (x != y && x != 1 && y != 1)
      return op.emitOpError("expected leading dimensions that broadcast, got "
                            "shapes [")
             << lhs.getShape() << "] and [" << rhs.getShape() << "]";
    shape[i] = x == 1 ? y : x;
    lhsSteps[i] = x == 1 ? 0 : lhsStep;
    rhsSteps[i] = y == 1 ? 0 : rhsStep;
    lhsStep *= x;
    rhsStep *= y;
    batch *= shape[i];
  }
  shape[rank - 2] = rows;
  shape[rank - 1] = columns;
  std::vector<double> a = lhs.toDoubles(), b = rhs.toDoubles();
  std::vector<double> result(batch * rows * columns);
  for (int64_t matrix = 0; matrix < batch; ++matrix) {
    int64_t rest = matrix, from = 0, other = 0;
    for (int64_t i = rank - 3; i >= 0; --i) {
      from += rest % shape[i] * lhsSteps[i];
      other += rest % shape[i] * rhsSteps[i];
      rest /= shape[i];
    }
    const double *x = a.data() + from * rows * depth;
    const double *y = b.data() + other * depth * columns;
    double *to = result.data() + matrix * rows * columns;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t k = 0; k < depth; ++k)
        for (int64_t column = 0; column < columns; ++column)
          to[row * columns + column] +=
              x[row * depth + k] *
              (transposed ? y[column * depth + k] : y[k * columns + column]);
  }
  frame.setFloats(op, shape, result);
  return success();
}

void interp::registerMatmul(Registry &registry) {
  registry.add<nn::MatmulOp>(evaluate);
}
