//===- Tensors.cpp - writes tensor code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Tensors.h"

#include "../Dims.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/TypeUtilities.h"

#include <limits>

using namespace mlir;
using namespace qnt;

Value Numbers::constant(Type type, double value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getFloatAttr(type, value));
}

Value Numbers::index(int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value Numbers::loop(int64_t number) {
  return linalg::IndexOp::create(builder, loc, number);
}

Value Numbers::add(Value x, Value y) {
  return arith::AddFOp::create(builder, loc, x, y);
}

Value Numbers::sub(Value x, Value y) {
  return arith::SubFOp::create(builder, loc, x, y);
}

Value Numbers::mul(Value x, Value y) {
  return arith::MulFOp::create(builder, loc, x, y);
}

Value Numbers::div(Value x, Value y) {
  return arith::DivFOp::create(builder, loc, x, y);
}

Value Numbers::neg(Value x) { return arith::NegFOp::create(builder, loc, x); }

Value Numbers::exp(Value x) { return math::ExpOp::create(builder, loc, x); }

Value Numbers::sqrt(Value x) { return math::SqrtOp::create(builder, loc, x); }

Value Numbers::less(Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, x, y);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, x, y);
}

Value Numbers::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(builder, loc, condition, x, y);
}

Value Numbers::where(Value condition, Value x) {
  return select(condition, x, constant(x.getType(), 0));
}

Tensors::Sizes Tensors::sizesOf(Value value) {
  return getDims(builder, loc, value);
}

Value Tensors::asValue(OpFoldResult size) {
  return getValueOrCreateConstantIndexOp(builder, loc, size);
}

OpFoldResult Tensors::product(ArrayRef<OpFoldResult> sizes) {
  int64_t constant = 1;
  Value result;
  for (OpFoldResult size : sizes) {
    if (auto number = getConstantIntValue(size)) {
      constant *= *number;
      continue;
    }
    Value factor = cast<Value>(size);
    result =
        result ? arith::MulIOp::create(builder, loc, result, factor) : factor;
  }
  if (!result)
    return size(constant);
  if (constant == 1)
    return result;
  Value factor = arith::ConstantIndexOp::create(builder, loc, constant);
  return arith::MulIOp::create(builder, loc, result, factor).getResult();
}

RankedTensorType Tensors::typeOf(ArrayRef<OpFoldResult> sizes) {
  auto shape = llvm::map_to_vector(sizes, [](OpFoldResult size) {
    return getConstantIntValue(size).value_or(ShapedType::kDynamic);
  });
  return RankedTensorType::get(shape, builder.getF32Type());
}

Value Tensors::empty(ArrayRef<OpFoldResult> sizes) {
  return createEmpty(builder, loc, typeOf(sizes), sizes);
}

Value Tensors::filled(ArrayRef<OpFoldResult> sizes, double value) {
  Value number = Numbers(builder, loc).f32(value);
  return linalg::FillOp::create(builder, loc, number, empty(sizes))
      .getResult(0);
}

Value Tensors::extents(ArrayRef<int64_t> sizes) {
  return empty(
      llvm::map_to_vector(sizes, [&](int64_t number) { return size(number); }));
}

Value Tensors::reshape(Value value, ArrayRef<OpFoldResult> sizes) {
  auto type = typeOf(sizes).clone(getElementTypeOrSelf(value));
  if (type == value.getType() && type.getNumDynamicDims() <= 1)
    return value;
  return tensor::ReshapeOp::create(builder, loc, type, value,
                                   createShape(builder, loc, sizes));
}

Value Tensors::asRows(Value value) {
  Sizes sizes = sizesOf(value);
  return reshape(value, {product(ArrayRef(sizes).drop_back()), sizes.back()});
}

Value Tensors::transpose(Value value, ArrayRef<int64_t> permutation) {
  Sizes sizes = sizesOf(value);
  Sizes moved =
      llvm::map_to_vector(permutation, [&](int64_t dim) { return sizes[dim]; });
  return linalg::TransposeOp::create(builder, loc, value, empty(moved),
                                     permutation)
      ->getResult(0);
}

Value Tensors::transposeLast(Value value) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  auto permutation = llvm::to_vector(llvm::seq<int64_t>(rank));
  std::swap(permutation[rank - 2], permutation[rank - 1]);
  return transpose(value, permutation);
}

Value Tensors::matmul(Value lhs, Value rhs, bool transposed) {
  return nn::MatmulOp::create(builder, loc, lhs, rhs, transposed);
}

Value Tensors::nest(ArrayRef<OpFoldResult> loops, ArrayRef<Operand> operands,
                    ArrayRef<int64_t> result, Body body, LoopFold fold) {
  MLIRContext *context = builder.getContext();
  auto mapOf = [&](ArrayRef<int64_t> dims) {
    auto exprs = llvm::map_to_vector(dims, [&](int64_t loop) -> AffineExpr {
      if (loop < 0)
        return getAffineConstantExpr(0, context);
      return getAffineDimExpr(loop, context);
    });
    return AffineMap::get(loops.size(), 0, exprs, context);
  };
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (const Operand &operand : operands) {
    values.push_back(operand.value);
    maps.push_back(mapOf(operand.loops));
  }
  maps.push_back(mapOf(result));
  SmallVector<utils::IteratorType> kinds(loops.size(),
                                         utils::IteratorType::reduction);
  Sizes sizes;
  for (int64_t loop : result) {
    kinds[loop] = utils::IteratorType::parallel;
    sizes.push_back(loops[loop]);
  }
  bool folds = result.size() < loops.size();
  double start =
      fold == LoopFold::Sum ? 0 : -std::numeric_limits<double>::infinity();
  Value init = folds ? filled(sizes, start) : empty(sizes);
  auto generic = linalg::GenericOp::create(
      builder, loc, init.getType(), values, init, maps, kinds,
      [&](OpBuilder &inner, Location innerLoc, ValueRange args) {
        Numbers numbers(inner, innerLoc);
        Value value = body(numbers, args.drop_back());
        if (folds && fold == LoopFold::Sum)
          value = numbers.add(args.back(), value);
        else if (folds)
          value =
              arith::MaximumFOp::create(inner, innerLoc, args.back(), value);
        linalg::YieldOp::create(inner, innerLoc, value);
      });
  return generic.getResult(0);
}

Value Tensors::map(ValueRange values, Body body) {
  Sizes sizes = sizesOf(values.front());
  int64_t rank = sizes.size();
  SmallVector<Operand> operands;
  for (Value value : values) {
    int64_t own = cast<RankedTensorType>(value.getType()).getRank();
    operands.push_back(
        {value, llvm::to_vector(llvm::seq<int64_t>(rank - own, rank))});
  }
  return nest(sizes, operands, llvm::to_vector(llvm::seq<int64_t>(rank)), body);
}

Value Tensors::sumLeading(Value value, int64_t rank) {
  Sizes sizes = sizesOf(value);
  int64_t own = sizes.size();
  if (own == rank)
    return value;
  return nest(sizes, {{value, llvm::to_vector(llvm::seq<int64_t>(own))}},
              llvm::to_vector(llvm::seq<int64_t>(own - rank, own)),
              [](Numbers &, ValueRange args) { return args[0]; });
}
