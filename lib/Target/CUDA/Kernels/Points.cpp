//===- Points.cpp - a lane for a few neighbouring numbers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Points.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qnt::cuda;

void Points::describe(Kernel &kernel, unsigned rows) const {
  kernel.threads = kThreads;
  kernel.grid[0].by(rows, features / width, kThreads);
}

void Points::emit(KernelBuilder &k, Value rows,
                  llvm::function_ref<void(Value, Value)> body) const {
  Value block = k.blockId(gpu::Dimension::x);
  Value unit = k.add(k.mulC(block, kThreads), k.threadId());
  Value row = k.divC(unit, features / width);
  Value first = k.mulC(k.remC(unit, features / width), width);
  k.ifThen(k.ltS(row, rows), [&] { body(row, first); });
}

static unsigned bytesOf(Type element) {
  return element.getIntOrFloatBitWidth() / 8;
}

Value qnt::cuda::loadNumbers(KernelBuilder &k, Type element, Value pointer,
                             Value first, int64_t width) {
  unsigned bytes = bytesOf(element);
  Type type = width == 1 ? element : Type(k.vec(element, width));
  return k.extF(
      k.load(type, k.atRow(pointer, first, bytes), unsigned(bytes * width)));
}

void qnt::cuda::storeNumbers(KernelBuilder &k, Value numbers, Type element,
                             Value pointer, Value first) {
  auto vector = dyn_cast<VectorType>(numbers.getType());
  int64_t width = vector ? vector.getNumElements() : 1;
  unsigned bytes = bytesOf(element);
  k.store(k.truncF(numbers, element), k.atRow(pointer, first, bytes),
          unsigned(bytes * width));
}

Value qnt::cuda::spread(KernelBuilder &k, Value x, int64_t width) {
  if (width == 1)
    return x;
  return vector::BroadcastOp::create(k.b, k.loc, k.vec(x.getType(), width), x);
}
