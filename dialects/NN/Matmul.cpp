//===- Matmul.cpp - products of matrices, softmax -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/NN/NN.h"

using namespace mlir;
using namespace qnt::nn;

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto lhs = dyn_cast<RankedTensorType>(adaptor.getLhs().getType());
  auto rhs = dyn_cast<RankedTensorType>(adaptor.getRhs().getType());
  if (!lhs || !rhs || lhs.getRank() < 2 || rhs.getRank() < 2 ||
      lhs.getElementType() != rhs.getElementType()) // (C1)
    return emitOptionalError(loc, "expected matrices of one element type, got ",
                             adaptor.getLhs().getType(), " and ",
                             adaptor.getRhs().getType());
  auto agree = [](int64_t x, int64_t y) {
    return x == y || ShapedType::isDynamic(x) || ShapedType::isDynamic(y);
  };
  bool transposed = adaptor.getTransposed();
  int64_t lhsRank = lhs.getRank(), rhsRank = rhs.getRank();
  int64_t rows = lhs.getDimSize(lhsRank - 2), depth = lhs.getShape().back();
  int64_t columns = rhs.getDimSize(rhsRank - (transposed ? 2 : 1));
  int64_t rhsDepth = rhs.getDimSize(rhsRank - (transposed ? 1 : 2));
  if (!agree(depth, rhsDepth)) // (C2)
    return emitOptionalError(loc, "expected matrices of one inner size, got ",
                             lhs, " and ", rhs);
  int64_t rank = std::max(lhsRank, rhsRank);
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < rank - 2; ++i) {
    auto sizeOf = [&](RankedTensorType type) {
      int64_t at = i - (rank - type.getRank());
      return at < 0 ? 1 : type.getDimSize(at);
    };
    int64_t x = sizeOf(lhs), y = sizeOf(rhs);
    if (x != 1 && y != 1 && !agree(x, y)) // (C3)
      return emitOptionalError(
          loc, "expected leading dimensions that broadcast, got ", lhs, " and ",
          rhs);
    shape.push_back(x == 1 || (ShapedType::isDynamic(x) && y != 1) ? y : x);
  }
  shape.append({rows, columns});
  types.push_back(lhs.clone(shape));
  return success();
}

LogicalResult SoftmaxOp::verify() {
  if (getInput().getType().getRank() == 0) // (C1)
    return emitOpError("expected rank 1 at least, got ")
           << getInput().getType();
  return success();
}
