//===- Scalars.cpp - formulas on scalars -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Scalars.h"

using namespace mlir;
using namespace qnt::onnx;

static constexpr DType types[] = {
    DType::F32, DType::F16, DType::BF16, DType::F64, DType::I8,
    DType::I16, DType::I32, DType::I64,  DType::U8,  DType::U16,
    DType::U32, DType::U64, DType::Bool};

ArrayRef<DType> qnt::onnx::floatTypes() {
  return ArrayRef(types).take_front(4);
}
ArrayRef<DType> qnt::onnx::integerTypes() {
  return ArrayRef(types).slice(4, 8);
}
ArrayRef<DType> qnt::onnx::numberTypes() { return ArrayRef(types).drop_back(); }
ArrayRef<DType> qnt::onnx::allTypes() { return types; }

Value Scalars::abs(Value x) const {
  if (isFloat(dtype))
    return op<math::AbsFOp>(x);
  return isUnsigned(dtype) ? x : op<math::AbsIOp>(x);
}

Value Scalars::compare(arith::CmpFPredicate real,
                       arith::CmpIPredicate signedInt,
                       arith::CmpIPredicate unsignedInt, Value x,
                       Value y) const {
  if (isFloat(dtype))
    return op<arith::CmpFOp>(real, x, y);
  bool isSigned = isInteger(dtype) && !isUnsigned(dtype);
  return op<arith::CmpIOp>(isSigned ? signedInt : unsignedInt, x, y);
}

Value Scalars::less(Value x, Value y) const {
  return compare(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt,
                 arith::CmpIPredicate::ult, x, y);
}

Value Scalars::lessOrEqual(Value x, Value y) const {
  return compare(arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle,
                 arith::CmpIPredicate::ule, x, y);
}

Value Scalars::equal(Value x, Value y) const {
  return compare(arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq,
                 arith::CmpIPredicate::eq, x, y);
}

Tensor qnt::onnx::computeAs(Node &node, ArrayRef<Tensor> inputs, DType result,
                            Formula formula) {
  return elementwise(node, inputs, result,
                     [&](OpBuilder &builder, Location loc, ValueRange args) {
                       Scalars scalars(builder, loc, inputs[0].dtype);
                       return formula(scalars, args);
                     });
}

Tensor qnt::onnx::compute(Node &node, ArrayRef<Tensor> inputs,
                          Formula formula) {
  DType dtype = inputs[0].dtype, wide = getAccumulator(dtype);
  return elementwise(
      node, inputs, dtype,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        SmallVector<Value> operands;
        for (Value arg : args)
          operands.push_back(castScalar(builder, loc, arg, dtype, wide));
        Scalars scalars(builder, loc, wide);
        return castScalar(builder, loc, formula(scalars, operands), wide,
                          dtype);
      });
}

void qnt::onnx::expectOneType(Node &node) {
  for (size_t i = 1; i < node.numInputs(); ++i)
    if (node.hasInput(i) && node.input(i).dtype != node.input(0).dtype)
      node.fail(node.describe(i) + " has the element type " +
                getName(node.input(i).dtype).str() + ", expected " +
                getName(node.input(0).dtype).str() + " as input 0");
}
