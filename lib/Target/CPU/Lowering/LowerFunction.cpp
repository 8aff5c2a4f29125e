//===- LowerFunction.cpp - memory of a function -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Convolutions.h"
#include "FunctionLowering.h"

#include "../Kernels/Lanes.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

CacheGeometry qnt::cpu::getCacheGeometry(nn::AttentionOp op) {
  Type element = op.getCache() ? op.getCache().getType().getElementType()
                               : Float32Type::get(op.getContext());
  return {int64_t(op.getKvHeads()), op.getHeadDim(), element};
}

void FunctionLowering::reserveCodes(Value value, QTensorType type,
                                    int64_t step) {
  if (!isa_and_present<ImageAttr>(type.getLayout()))
    return target::FunctionLowering::reserveCodes(value, type, step);
  ArrayRef<Dim> dims = symbols.getDims(value);
  int64_t leading = dims.size() == 4 ? 1 : int64_t(dims.size()) - 1;
  buffers[value].push_back(memory.add(symbols.table, dims.take_front(leading),
                                      Grid::of(type).imageBytes, step, step));
}

void FunctionLowering::reserveScratch(Operation &op, int64_t step) {
  joinGroup(op, step);
  if (auto attention = dyn_cast<nn::AttentionOp>(op);
      attention && !attention.getCache()) {
    ArrayRef<Dim> dims = symbols.getDims(attention.getKey());
    Dim tokens = dims[1];
    if (tokens.isConstant)
      tokens.value = llvm::alignTo(tokens.value, kLanes);
    else
      tokens.padded = true;
    scratch[&op] =
        memory.add(symbols.table, {dims[0], tokens},
                   getCacheGeometry(attention).bytesPerPosition(), step, step);
  }
  if (auto conv = dyn_cast<qnt::ConvOp>(op))
    if (auto padded = getPaddedShape(conv); !padded.empty())
      scratch[&op] = memory.add(
          symbols.table, symbols.getDims(conv.getInput()).take_front(1),
          4 * padded[1] * padded[2] * padded[3], step, step);
}

LogicalResult FunctionLowering::emitCopy(target::CodeBuilder &k, Value from,
                                         Value to, Value bytes) {
  k.call(getCopyKernel(module.lib), {context, from, to, bytes});
  return success();
}

LogicalResult ModuleLowering::lowerFunction(func::FuncOp function) {
  return FunctionLowering(*this, function).run();
}
