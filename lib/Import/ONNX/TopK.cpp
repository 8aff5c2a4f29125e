//===- TopK.cpp - the largest elements along an axis -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Registry.h"
#include "Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

/// A loop over the dimensions of `shape` and, last, along `axis` of `input`
/// again. Sums what `term` gives into i64 or the element type, from zero.
/// `term` is given the operands' elements and what there is so far.
static Tensor sumOverPairs(Node &node, ArrayRef<Dim> shape, int64_t axis,
                           ArrayRef<Tensor> operands,
                           ArrayRef<bool> isAlongLast, DType result,
                           ScalarBody term) {
  MLIRContext *context = node.context();
  int64_t rank = shape.size();
  SmallVector<AffineMap> maps;
  SmallVector<Value> values;
  for (auto [operand, isLast] : llvm::zip_equal(operands, isAlongLast)) {
    SmallVector<AffineExpr> exprs;
    for (int64_t i = 0; i < rank; ++i)
      exprs.push_back(
          getAffineDimExpr(isLast && i == axis ? rank : i, context));
    maps.push_back(AffineMap::get(rank + 1, 0, exprs, context));
    values.push_back(node.value(operand));
  }
  maps.push_back(AffineMap::getMultiDimIdentityMap(rank + 1, context)
                     .getMajorSubMap(rank));
  SmallVector<utils::IteratorType> iterators(rank + 1,
                                             utils::IteratorType::parallel);
  iterators[rank] = utils::IteratorType::reduction;
  Value init = filledTensor(
      node, shape, scalarAttribute(onnx::getElementType(result, context), 0));
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(), values, init, maps, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        linalg::YieldOp::create(builder, loc, term(builder, loc, args));
      });
  return Tensor::ofValue(result, shape, generic.getResult(0));
}

/// How many elements come before each one along `axis`: larger (smaller) ones,
/// and of equal ones those with smaller indices. NaNs are the largest.
static Tensor findRanks(Node &node, const Tensor &input, int64_t axis,
                        bool isLargest) {
  int64_t rank = input.getRank();
  return sumOverPairs(
      node, input.dims, axis, {input, input}, {false, true}, DType::I64,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        Scalars s(builder, loc, input.dtype);
        Value mine = args[0], other = args[1];
        Value isBefore = isLargest ? s.less(mine, other) : s.less(other, mine);
        Value isEqual = s.equal(mine, other);
        if (isFloat(input.dtype)) {
          auto isNaN = [&](Value x) {
            return s.op<arith::CmpFOp>(arith::CmpFPredicate::UNO, x, x);
          };
          Value mineIs = isNaN(mine), otherIs = isNaN(other);
          Value one = s.op<arith::XOrIOp>(mineIs, otherIs);
          isBefore = s.op<arith::OrIOp>(
              isBefore, s.op<arith::AndIOp>(one, isLargest ? otherIs : mineIs));
          isEqual =
              s.op<arith::OrIOp>(isEqual, s.op<arith::AndIOp>(mineIs, otherIs));
        }
        Value isEarlier = s.op<arith::CmpIOp>(arith::CmpIPredicate::slt,
                                              s.op<linalg::IndexOp>(rank),
                                              s.op<linalg::IndexOp>(axis));
        isBefore = s.op<arith::OrIOp>(isBefore,
                                      s.op<arith::AndIOp>(isEqual, isEarlier));
        Value count = s.op<arith::ExtUIOp>(builder.getI64Type(), isBefore);
        return s.op<arith::AddIOp>(args[2], count);
      });
}

static void importTopK(Node &node) {
  const Tensor &input = node.input(0, numberTypes());
  int64_t axis = node.normalizeAxis(node.getInt("axis", -1), input.getRank());
  int64_t k = node.integer(1, "the number of elements");
  bool isLargest = node.getInt("largest", 1);
  // Those that need no order are sorted too.
  (void)node.getInt("sorted", 1);
  auto size = input.dims[axis].constant();
  if (k < 0 || (size && k > *size))
    node.fail(std::to_string(k) + " elements of " +
              node.dims().str(input.dims[axis]));
  SmallVector<Dim> shape(input.dims);
  shape[axis] = k;
  Tensor ranks = findRanks(node, input, axis, isLargest);
  // The one element whose rank is the place in the result.
  auto pick = [&](bool isIndex) {
    DType dtype = isIndex ? DType::I64 : input.dtype;
    return sumOverPairs(
        node, shape, axis, {input, ranks}, {true, true}, dtype,
        [&](OpBuilder &builder, Location loc, ValueRange args) {
          Scalars s(builder, loc, dtype);
          auto toInt = [&](int64_t loop) {
            return s.op<arith::IndexCastOp>(builder.getI64Type(),
                                            s.op<linalg::IndexOp>(loop));
          };
          Value isHere = s.op<arith::CmpIOp>(arith::CmpIPredicate::eq, args[1],
                                             toInt(axis));
          return s.select(isHere, isIndex ? toInt(input.getRank()) : args[0],
                          args[2]);
        });
  };
  node.setOutput(0, pick(false));
  if (node.wantsOutput(1))
    node.setOutput(1, pick(true));
}

ArrayRef<Operator> qnt::onnx::getTopKOperators() {
  static const Operator operators[] = {
      {"TopK", 10, importTopK, "a number of elements not known when importing"},
  };
  return operators;
}
