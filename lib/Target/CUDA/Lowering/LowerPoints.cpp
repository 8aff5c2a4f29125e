//===- LowerPoints.cpp - elementwise ops, copies, constants -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Kernels/Elementwise.h"
#include "FunctionLowering.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;
using target::CodeBuilder;
using Stride = ElementwiseSpec::Stride;

LogicalResult FunctionLowering::emitCopy(CodeBuilder &k, Value from, Value to,
                                         Value bytes) {
  ElementwiseSpec spec;
  spec.inputs = spec.results = {{k.i8(), {Stride::One}}};
  spec.yields = {0};
  launch(k, getElementwiseKernel(module.lib, spec), {from, to, bytes});
  return success();
}

/// The attributes that the step of an op takes.
static DictionaryAttr getStepAttributes(Operation &op) {
  Builder b(op.getContext());
  auto number = [&](StringRef name, const APFloat &value) {
    return b.getNamedAttr(name,
                          b.getF32FloatAttr(float(value.convertToDouble())));
  };
  if (auto activation = dyn_cast<nn::ActivationOp>(op))
    return b.getDictionaryAttr(b.getNamedAttr(
        "kind",
        b.getStringAttr(stringifyActivationKind(activation.getKind()))));
  if (auto clamp = dyn_cast<nn::ClampOp>(op))
    return b.getDictionaryAttr(
        {number("low", clamp.getLow()), number("high", clamp.getHigh())});
  return {};
}

LogicalResult FunctionLowering::emitPoints(CodeBuilder &k, Operation &op) {
  Value result = op.getResult(0);
  ArrayRef<target::Dim> dims = symbols.getDims(result);
  // The second of two operands may lack leading dimensions.
  unsigned leading =
      op.getNumOperands() == 2
          ? dims.size() - symbols.getDims(op.getOperand(1)).size()
          : 0;
  ElementwiseSpec spec;
  spec.loops = leading ? 2 : 1;
  Stride outer = Stride::Runtime;
  SmallVector<Stride> plain{Stride::One};
  if (leading)
    plain = {outer, Stride::One};
  SmallVector<Value> args;
  SmallVector<unsigned> operands;
  for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
    SmallVector<Stride> strides = plain;
    if (leading && i == 1)
      strides[0] = Stride::Zero;
    spec.inputs.push_back({k.f32(), strides});
    args.push_back(pointer(operand));
    operands.push_back(unsigned(i));
  }
  spec.results.push_back({k.f32(), plain});
  args.push_back(pointer(result));
  spec.yields = {spec.addStep(op.getName().getStringRef(), operands, k.f32(),
                              getStepAttributes(op))};
  // Buffers begin at multiples of a cache line.
  spec.isWide =
      dims.size() && dims.back().isConstant && dims.back().value % 4 == 0;
  std::string reason = spec.check();
  if (!reason.empty())
    return op.emitOpError("has no kernel in the CUDA target: ") << reason;
  args.push_back(countOf(k, result));
  if (leading) {
    Value inner = extent(k, result, leading, dims.size());
    // The extent, then the strides of the first operand and the result.
    args.append({inner, inner, inner});
  }
  return run(k, op, getElementwiseKernel(module.lib, spec), args);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

LogicalResult FunctionLowering::emitConstant(CodeBuilder &k,
                                             arith::ConstantOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type)
    return success();
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError("expected dense elements");
  std::string bytes;
  size_t width = size_t(target::getByteWidth(type.getElementType()));
  auto append = [&](const APInt &value) {
    uint64_t word = value.getZExtValue();
    bytes.append(reinterpret_cast<const char *>(&word), width);
  };
  if (isa<FloatType>(type.getElementType()))
    for (const APFloat &value : elements.getValues<APFloat>())
      append(value.bitcastToAPInt());
  else
    for (const APInt &value : elements.getValues<APInt>())
      append(value);
  places[op] = {getConstant(k, bytes)};
  return success();
}

LogicalResult FunctionLowering::emitEmbedding(CodeBuilder &k,
                                              qnt::EmbeddingOp op) {
  QTensorType table = op.getTable().getType();
  SmallVector<Value> parts(pointers(op.getTable()));
  Value rows = rowsOf(k, op.getResult()), out = pointer(op.getResult());
  NumberFormat format = table.getFormat();
  if (!table.hasScale()) {
    Type element = format.getBits() == 32                 ? k.f32()
                   : format.getDecodeSpec().exponent == 8 ? k.bf16()
                                                          : k.f16();
    return run(k, *op,
               getEmbeddingKernel(module.lib, element, table.getShape().back()),
               {pointer(op.getIds()), parts[0], out, rows});
  }
  SmallVector<Value> args{pointer(op.getIds()), parts[0], parts[1], out, rows};
  if (table.hasZeros())
    args.push_back(parts[2]);
  if (!table.isInteger()) {
    SmallVector<float> numbers;
    for (uint32_t code = 0; code < (1u << format.getBits()); ++code)
      numbers.push_back(format.decode(code));
    args.push_back(getConstant(k, getBytes(ArrayRef(numbers))));
  }
  return run(k, *op, getQuantizedEmbeddingKernel(module.lib, table), args);
}

LogicalResult FunctionLowering::emitRopeTable(CodeBuilder &k,
                                              nn::RopeTableOp op) {
  nn::RopeScalingAttr scaling = op.getScalingAttr();
  auto dim = int64_t(op.getDim());
  SmallVector<double> frequencies =
      nn::getRopeFrequencies(dim, op.getTheta().convertToDouble(), scaling);
  double factor = scaling && scaling.getKind() == nn::RopeScalingKind::Yarn
                      ? scaling.getAttention().convertToDouble()
                      : 1.0;
  return run(k, *op, getRopeTableKernel(module.lib, dim, factor),
             {pointer(op.getPositions()),
              getConstant(k, getBytes(ArrayRef(frequencies))),
              pointer(op.getResult()), countOf(k, op.getPositions())});
}
