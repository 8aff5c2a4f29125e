//===- Builders.cpp - what operators are made of -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builders.h"
#include "Quantized.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value qnt::onnx::emptyTensor(Node &node, ArrayRef<Dim> shape, Type element) {
  RankedTensorType type = getTensorType(shape, element);
  SmallVector<Value> sizes;
  for (const Dim &dim : shape)
    if (!dim.constant())
      sizes.push_back(node.dims().materialize(dim, node.builder(), node.loc()));
  return tensor::EmptyOp::create(node.builder(), node.loc(), type, sizes);
}

Value qnt::onnx::filledTensor(Node &node, ArrayRef<Dim> shape,
                              TypedAttr value) {
  OpBuilder &builder = node.builder();
  Value scalar = arith::ConstantOp::create(builder, node.loc(), value);
  Value empty = emptyTensor(node, shape, value.getType());
  return linalg::FillOp::create(builder, node.loc(), scalar, empty).result();
}

Value qnt::onnx::refine(Node &node, Value value, ArrayRef<Dim> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  RankedTensorType refined = getTensorType(shape, type.getElementType());
  if (type == refined)
    return value;
  return tensor::CastOp::create(node.builder(), node.loc(), refined, value);
}

Tensor qnt::onnx::splat(DType dtype, double value) {
  return Tensor::ofConstant(Constant::ofFloats("", dtype, {}, value));
}

TypedAttr qnt::onnx::scalarAttribute(Type type, double value) {
  if (isa<FloatType>(type))
    return FloatAttr::get(type, value);
  return IntegerAttr::get(
      type,
      APInt(64, uint64_t(int64_t(value))).trunc(type.getIntOrFloatBitWidth()));
}

Value qnt::onnx::scalarConstant(OpBuilder &builder, Location loc, Type type,
                                double value) {
  return arith::ConstantOp::create(builder, loc, scalarAttribute(type, value));
}

static TypedAttr getExtreme(MLIRContext *context, DType dtype, bool isLowest) {
  Type type = onnx::getElementType(dtype, context);
  if (auto real = dyn_cast<FloatType>(type))
    return FloatAttr::get(type,
                          APFloat::getInf(real.getFloatSemantics(), isLowest));
  unsigned bits = type.getIntOrFloatBitWidth();
  bool isSigned = isInteger(dtype) && !isUnsigned(dtype);
  APInt value = isLowest ? (isSigned ? APInt::getSignedMinValue(bits)
                                     : APInt::getMinValue(bits))
                         : (isSigned ? APInt::getSignedMaxValue(bits)
                                     : APInt::getMaxValue(bits));
  return IntegerAttr::get(type, value);
}

TypedAttr qnt::onnx::lowest(MLIRContext *context, DType dtype) {
  return getExtreme(context, dtype, true);
}

TypedAttr qnt::onnx::highest(MLIRContext *context, DType dtype) {
  return getExtreme(context, dtype, false);
}

DType qnt::onnx::getAccumulator(DType dtype) {
  return isFloat(dtype) && getBits(dtype) < 32 ? DType::F32 : dtype;
}

//===----------------------------------------------------------------------===//
// Loops over elements
//===----------------------------------------------------------------------===//

SmallVector<Dim> qnt::onnx::broadcast(Node &node, ArrayRef<Dim> lhs,
                                      ArrayRef<Dim> rhs) {
  if (lhs.size() < rhs.size())
    std::swap(lhs, rhs);
  SmallVector<Dim> result(lhs.begin(), lhs.end());
  for (auto [a, b] : llvm::zip(llvm::reverse(result), llvm::reverse(rhs))) {
    if (a == b || b.constant() == 1)
      continue;
    if (a.constant() == 1) {
      a = b;
    } else if (a.constant() && b.constant()) {
      node.fail("shapes that do not broadcast: dimension " +
                node.dims().str(a) + " against " + node.dims().str(b));
    } else if (b.constant()) {
      // A dimension known at run time must agree with one known now.
      a = b;
    } else if (auto common = node.dims().agree(a, b)) {
      a = *common;
    } else if (!a.constant()) {
      node.fail("cannot tell whether the dimensions '" + node.dims().str(a) +
                "' and '" + node.dims().str(b) +
                "' broadcast: expected one name, or fixed sizes");
    }
  }
  return result;
}

/// Where an operand of `shape` is read in a loop over `loops`.
static AffineMap getBroadcastMap(MLIRContext *context, ArrayRef<Dim> shape,
                                 ArrayRef<Dim> loops) {
  SmallVector<AffineExpr> exprs;
  size_t offset = loops.size() - shape.size();
  for (auto [i, dim] : llvm::enumerate(shape))
    exprs.push_back(dim.constant() == 1 && loops[offset + i].constant() != 1
                        ? getAffineConstantExpr(0, context)
                        : getAffineDimExpr(offset + i, context));
  return AffineMap::get(loops.size(), 0, exprs, context);
}

Tensor qnt::onnx::elementwise(Node &node, ArrayRef<Tensor> inputs, DType result,
                              ScalarBody body) {
  MLIRContext *context = node.context();
  OpBuilder &builder = node.builder();
  SmallVector<Dim> shape;
  for (const Tensor &input : inputs)
    shape = broadcast(node, shape, input.dims);
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (const Tensor &input : inputs) {
    if (input.constant && input.constant->size() == 1)
      continue;
    // Dimensions that turned out to be fixed.
    SmallVector<Dim> refined(input.dims);
    for (auto [dim, loop] :
         llvm::zip(llvm::reverse(refined), llvm::reverse(shape)))
      if (dim.constant() != 1)
        dim = loop;
    operands.push_back(refine(node, node.value(input), refined));
    maps.push_back(getBroadcastMap(context, refined, shape));
  }
  Type element = onnx::getElementType(result, context);
  Value init = emptyTensor(node, shape, element);
  maps.push_back(AffineMap::getMultiDimIdentityMap(shape.size(), context));
  SmallVector<utils::IteratorType> iterators(shape.size(),
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, node.loc(), init.getType(), operands, init, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        SmallVector<Value> scalars;
        for (const Tensor &input : inputs) {
          if (!input.constant || input.constant->size() != 1) {
            scalars.push_back(args.front());
            args = args.drop_front();
            continue;
          }
          Type type = onnx::getElementType(input.dtype, context);
          TypedAttr value =
              isFloat(input.dtype)
                  ? scalarAttribute(type, input.constant->toDoubles()[0])
                  : TypedAttr(IntegerAttr::get(
                        type, APInt(64, input.constant->toInts()[0])
                                  .trunc(type.getIntOrFloatBitWidth())));
          scalars.push_back(arith::ConstantOp::create(nested, loc, value));
        }
        linalg::YieldOp::create(nested, loc, body(nested, loc, scalars));
      });
  return Tensor::ofValue(result, shape, generic.getResult(0));
}

Tensor qnt::onnx::reduce(Node &node, const Tensor &input,
                         ArrayRef<int64_t> axes, DType accumulator,
                         TypedAttr initial, ScalarBody combine) {
  MLIRContext *context = node.context();
  int64_t rank = input.getRank();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  for (int64_t axis : axes)
    iterators[axis] = utils::IteratorType::reduction;
  SmallVector<Dim> shape;
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < rank; ++i)
    if (iterators[i] == utils::IteratorType::parallel) {
      shape.push_back(input.dims[i]);
      exprs.push_back(getAffineDimExpr(i, context));
    }
  Value init = filledTensor(node, shape, initial);
  SmallVector<AffineMap> maps = {
      AffineMap::getMultiDimIdentityMap(rank, context),
      AffineMap::get(rank, 0, exprs, context)};
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(), node.value(input), init, maps,
      iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        linalg::YieldOp::create(nested, loc, combine(nested, loc, args));
      });
  return Tensor::ofValue(accumulator, shape, generic.getResult(0));
}

Tensor qnt::onnx::expand(Node &node, const Tensor &input, ArrayRef<Dim> shape) {
  if (llvm::equal(input.dims, shape))
    return input;
  MLIRContext *context = node.context();
  Value init =
      emptyTensor(node, shape, onnx::getElementType(input.dtype, context));
  SmallVector<AffineMap> maps = {
      getBroadcastMap(context, input.dims, shape),
      AffineMap::getMultiDimIdentityMap(shape.size(), context)};
  SmallVector<utils::IteratorType> iterators(shape.size(),
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(), node.value(input), init, maps,
      iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        linalg::YieldOp::create(nested, loc, args[0]);
      });
  return Tensor::ofValue(input.dtype, shape, generic.getResult(0));
}

//===----------------------------------------------------------------------===//
// Shape and order
//===----------------------------------------------------------------------===//

Tensor qnt::onnx::transpose(Node &node, const Tensor &input,
                            ArrayRef<int64_t> perm) {
  bool isIdentity = true;
  SmallVector<Dim> shape;
  for (auto [i, dim] : llvm::enumerate(perm)) {
    isIdentity &= int64_t(i) == dim;
    shape.push_back(input.dims[dim]);
  }
  if (isIdentity)
    return input;
  if (input.constant) {
    Tensor result =
        Tensor::ofConstant(Constant::transpose(input.constant, perm));
    if (input.quantized)
      result.quantized = QuantizedConstant::transpose(*input.quantized, perm);
    return result;
  }
  Value init = emptyTensor(node, shape,
                           onnx::getElementType(input.dtype, node.context()));
  auto op = linalg::TransposeOp::create(node.builder(), node.loc(),
                                        node.value(input), init, perm);
  return Tensor::ofValue(input.dtype, shape, op->getResult(0));
}

Tensor qnt::onnx::reshape(Node &node, const Tensor &input,
                          ArrayRef<Dim> shape) {
  if (llvm::equal(input.dims, shape))
    return input;
  OpBuilder &builder = node.builder();
  Location loc = node.loc();
  RankedTensorType type =
      getTensorType(shape, onnx::getElementType(input.dtype, node.context()));
  if (input.constant && type.hasStaticShape())
    return Tensor::ofConstant(
        Constant::reshape(input.constant, type.getShape()));
  Value operand;
  auto sizes =
      RankedTensorType::get(int64_t(shape.size()), builder.getIndexType());
  if (type.hasStaticShape()) {
    operand = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(
            sizes, llvm::map_to_vector(type.getShape(), [&](int64_t size) {
              return APInt(64, size);
            })));
  } else {
    SmallVector<Value> values;
    for (const Dim &dim : shape)
      values.push_back(node.dims().materialize(dim, builder, loc));
    operand = tensor::FromElementsOp::create(builder, loc, sizes, values);
  }
  Value value =
      tensor::ReshapeOp::create(builder, loc, type, node.value(input), operand);
  return Tensor::ofValue(input.dtype, shape, value);
}

Tensor qnt::onnx::unsqueeze(Node &node, const Tensor &input,
                            ArrayRef<int64_t> axes) {
  SmallVector<Dim> shape(input.dims);
  for (int64_t axis : axes)
    shape.insert(shape.begin() + axis, Dim(1));
  return reshape(node, input, shape);
}

Tensor qnt::onnx::slice(Node &node, const Tensor &input, ArrayRef<Dim> offsets,
                        ArrayRef<Dim> sizes, ArrayRef<int64_t> steps) {
  OpBuilder &builder = node.builder();
  auto fold = [&](ArrayRef<Dim> dims) {
    return llvm::map_to_vector(dims, [&](const Dim &dim) -> OpFoldResult {
      if (auto number = dim.constant())
        return builder.getIndexAttr(*number);
      return node.dims().materialize(dim, builder, node.loc());
    });
  };
  SmallVector<OpFoldResult> strides;
  bool isWhole = llvm::equal(sizes, input.dims);
  for (int64_t step : steps) {
    strides.push_back(builder.getIndexAttr(step));
    isWhole &= step == 1;
  }
  if (isWhole)
    return input;
  RankedTensorType type =
      getTensorType(sizes, onnx::getElementType(input.dtype, node.context()));
  // Parts without elements lie nowhere.
  if (llvm::is_contained(type.getShape(), 0))
    return Tensor::ofValue(input.dtype, sizes,
                           emptyTensor(node, sizes, type.getElementType()));
  Value value = tensor::ExtractSliceOp::create(builder, node.loc(), type,
                                               node.value(input), fold(offsets),
                                               fold(sizes), strides);
  return Tensor::ofValue(input.dtype, sizes, value);
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Value qnt::onnx::castScalar(OpBuilder &builder, Location loc, Value value,
                            DType from, DType to) {
  MLIRContext *context = builder.getContext();
  Type type = onnx::getElementType(to, context);
  if (from == to)
    return value;
  if (to == DType::Bool) {
    Value zero = scalarConstant(builder, loc, value.getType(), 0);
    if (isFloat(from))
      return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE,
                                   value, zero);
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, value,
                                 zero);
  }
  if (isFloat(from) && isFloat(to)) {
    if (getBits(from) < getBits(to))
      return arith::ExtFOp::create(builder, loc, type, value);
    if (getBits(from) > getBits(to))
      return arith::TruncFOp::create(builder, loc, type, value);
    // Between f16 and bf16, by way of f32, which holds both.
    value =
        arith::ExtFOp::create(builder, loc, Float32Type::get(context), value);
    return arith::TruncFOp::create(builder, loc, type, value);
  }
  if (isFloat(from)) {
    if (isUnsigned(to))
      return arith::FPToUIOp::create(builder, loc, type, value);
    return arith::FPToSIOp::create(builder, loc, type, value);
  }
  bool isSigned = isInteger(from) && !isUnsigned(from);
  if (isFloat(to)) {
    if (isSigned)
      return arith::SIToFPOp::create(builder, loc, type, value);
    return arith::UIToFPOp::create(builder, loc, type, value);
  }
  if (getBits(from) > getBits(to))
    return arith::TruncIOp::create(builder, loc, type, value);
  if (getBits(from) == getBits(to))
    return value;
  if (isSigned)
    return arith::ExtSIOp::create(builder, loc, type, value);
  return arith::ExtUIOp::create(builder, loc, type, value);
}

Tensor qnt::onnx::cast(Node &node, const Tensor &input, DType dtype) {
  if (input.dtype == dtype)
    return input;
  if (input.constant)
    return Tensor::ofConstant(Constant::cast(input.constant, dtype));
  return elementwise(node, input, dtype,
                     [&](OpBuilder &builder, Location loc, ValueRange args) {
                       return castScalar(builder, loc, args[0], input.dtype,
                                         dtype);
                     });
}
