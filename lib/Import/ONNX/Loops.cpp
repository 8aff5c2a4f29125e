//===- Loops.cpp - loops whose bodies read tensors anywhere -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Loops.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

//===----------------------------------------------------------------------===//
// Sizes and sources
//===----------------------------------------------------------------------===//

LoopSize::LoopSize(Node &node, const Dim &dim) : number(dim.constant()) {
  if (!number)
    value = node.dims().materialize(dim, node.builder(), node.loc());
}

Value LoopSize::get(OpBuilder &builder, Location loc) const {
  return number ? arith::ConstantIndexOp::create(builder, loc, *number) : value;
}

std::optional<int64_t> LoopSize::constant() const { return number; }

Source::Source(Node &node, const Tensor &tensor)
    : value(node.value(tensor)), dtype(tensor.dtype) {
  for (const Dim &dim : tensor.dims)
    sizes.emplace_back(node, dim);
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

Value LoopBody::index(int64_t loop) const {
  return linalg::IndexOp::create(builder, loc, loop);
}

Value LoopBody::constant(int64_t value) const {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value LoopBody::add(Value x, Value y) const {
  return arith::AddIOp::create(builder, loc, x, y);
}

Value LoopBody::add(Value x, int64_t y) const {
  return y == 0 ? x : add(x, constant(y));
}

Value LoopBody::sub(Value x, Value y) const {
  return arith::SubIOp::create(builder, loc, x, y);
}

Value LoopBody::mul(Value x, int64_t y) const {
  return y == 1 ? x : mul(x, constant(y));
}

Value LoopBody::mul(Value x, Value y) const {
  return arith::MulIOp::create(builder, loc, x, y);
}

Value LoopBody::div(Value x, int64_t y) const {
  return y == 1 ? x : arith::DivSIOp::create(builder, loc, x, constant(y));
}

Value LoopBody::rem(Value x, int64_t y) const {
  return y == 1 ? constant(0)
                : arith::RemSIOp::create(builder, loc, x, constant(y));
}

Value LoopBody::min(Value x, Value y) const {
  return arith::MinSIOp::create(builder, loc, x, y);
}

Value LoopBody::max(Value x, Value y) const {
  return arith::MaxSIOp::create(builder, loc, x, y);
}

Value LoopBody::clamp(Value x, const LoopSize &size) const {
  return max(min(x, add(this->size(size), -1)), constant(0));
}

Value LoopBody::isWithin(Value x, const LoopSize &size) const {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, x,
                               this->size(size));
}

Value LoopBody::less(Value x, Value y) const {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, x, y);
}

Value LoopBody::equal(Value x, Value y) const {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, x, y);
}

Value LoopBody::both(Value x, Value y) const {
  if (!x || !y)
    return x ? x : y;
  return arith::AndIOp::create(builder, loc, x, y);
}

Value LoopBody::select(Value condition, Value x, Value y) const {
  return arith::SelectOp::create(builder, loc, condition, x, y);
}

Value LoopBody::toIndex(Value number, DType dtype) const {
  Type type = builder.getIndexType();
  if (isUnsigned(dtype))
    return arith::IndexCastUIOp::create(builder, loc, type, number);
  return arith::IndexCastOp::create(builder, loc, type, number);
}

Value LoopBody::fromIndex(Value index, DType dtype) const {
  Type type = builder.getI64Type();
  Value number = arith::IndexCastOp::create(builder, loc, type, index);
  return castScalar(builder, loc, number, DType::I64, dtype);
}

Value LoopBody::wrapNegative(Value x, const LoopSize &size) const {
  Value isNegative = less(x, constant(0));
  return clamp(select(isNegative, add(x, this->size(size)), x), size);
}

Value LoopBody::read(const Source &source, ValueRange indices) const {
  return tensor::ExtractOp::create(builder, loc, source.value, indices);
}

Value LoopBody::readOr(const Source &source, ValueRange indices, size_t first,
                       Value otherwise) const {
  Value inside;
  SmallVector<Value> safe(indices);
  for (size_t i = first; i < safe.size(); ++i) {
    inside = both(inside, isWithin(safe[i], source.sizes[i]));
    safe[i] = clamp(safe[i], source.sizes[i]);
  }
  Value element = read(source, safe);
  return inside ? select(inside, element, otherwise) : element;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

Tensor qnt::onnx::generate(Node &node, DType dtype, ArrayRef<Dim> shape,
                           llvm::function_ref<Value(const LoopBody &)> body) {
  Value init =
      emptyTensor(node, shape, onnx::getElementType(dtype, node.context()));
  AffineMap map =
      AffineMap::getMultiDimIdentityMap(shape.size(), node.context());
  SmallVector<utils::IteratorType> iterators(shape.size(),
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), init.getType(), ValueRange(), init, map,
      iterators, [&](OpBuilder &nested, Location loc, ValueRange) {
        linalg::YieldOp::create(nested, loc, body(LoopBody(nested, loc)));
      });
  return Tensor::ofValue(dtype, shape, generic.getResult(0));
}

SmallVector<Tensor> qnt::onnx::accumulate(
    Node &node, ArrayRef<DType> dtypes, ArrayRef<Dim> shape,
    ArrayRef<Dim> reductions, ArrayRef<TypedAttr> initial,
    llvm::function_ref<SmallVector<Value>(const LoopBody &, ValueRange)> body) {
  MLIRContext *context = node.context();
  int64_t rank = shape.size(), loops = rank + reductions.size();
  // The sizes of the reductions are those of a tensor that is not read.
  Value sizes =
      emptyTensor(node, reductions, onnx::getElementType(dtypes[0], context));
  SmallVector<Value> inits;
  AffineMap all = AffineMap::getMultiDimIdentityMap(loops, context);
  auto select = [&](size_t first, size_t count) {
    return AffineMap::get(loops, 0, all.getResults().slice(first, count),
                          context);
  };
  SmallVector<AffineMap> maps = {select(rank, reductions.size())};
  for (TypedAttr value : initial) {
    inits.push_back(filledTensor(node, shape, value));
    maps.push_back(select(0, rank));
  }
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.resize(loops, utils::IteratorType::reduction);
  auto generic = linalg::GenericOp::create(
      node.builder(), node.loc(), TypeRange(ValueRange(inits)), sizes, inits,
      maps, iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        linalg::YieldOp::create(nested, loc,
                                body(LoopBody(nested, loc), args.drop_front()));
      });
  SmallVector<Tensor> results;
  for (auto [dtype, result] : llvm::zip_equal(dtypes, generic.getResults()))
    results.push_back(Tensor::ofValue(dtype, shape, result));
  return results;
}

Tensor
qnt::onnx::accumulate(Node &node, DType dtype, ArrayRef<Dim> shape,
                      ArrayRef<Dim> reductions, TypedAttr initial,
                      llvm::function_ref<Value(const LoopBody &, Value)> body) {
  return accumulate(node, ArrayRef(dtype), shape, reductions, ArrayRef(initial),
                    [&](const LoopBody &loop, ValueRange sofar) {
                      return SmallVector<Value>{body(loop, sofar[0])};
                    })[0];
}
