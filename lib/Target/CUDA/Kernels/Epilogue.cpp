//===- Epilogue.cpp - what follows a contraction -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

Value qnt::cuda::emitActivation(KernelBuilder &k, EpilogueKind kind, Value x) {
  Value half = k.cf32(0.5f), one = k.cf32(1);
  switch (kind) {
  case EpilogueKind::Relu:
    return k.maxF(x, k.cf32(0));
  case EpilogueKind::Gelu: {
    Value e = k.erf(k.mul(x, k.cf32(float(M_SQRT1_2))));
    return k.mul(k.mul(x, half), k.add(one, e));
  }
  case EpilogueKind::GeluTanh: {
    // 0.5 (1 + tanh(u)) is the sigmoid of 2 u.
    Value cube = k.mul(k.mul(x, x), x);
    Value u = k.fma(cube, k.cf32(0.044715f), x);
    return k.mul(
        x, k.sigmoid(k.mul(u, k.cf32(float(2 * M_2_SQRTPI * M_SQRT1_2)))));
  }
  case EpilogueKind::Silu:
    return k.mul(x, k.sigmoid(x));
  case EpilogueKind::Tanh:
    return k.tanh(x);
  case EpilogueKind::Sigmoid:
    return k.sigmoid(x);
  default:
    llvm_unreachable("no activation");
  }
}

static bool isActivation(EpilogueKind kind) {
  switch (kind) {
  case EpilogueKind::Relu:
  case EpilogueKind::Gelu:
  case EpilogueKind::GeluTanh:
  case EpilogueKind::Silu:
  case EpilogueKind::Tanh:
  case EpilogueKind::Sigmoid:
    return true;
  default:
    return false;
  }
}

static unsigned getOperands(EpilogueKind kind) {
  return kind == EpilogueKind::Clamp ? 2 : isActivation(kind) ? 0 : 1;
}

bool Epilogue::isSupported(ArrayRef<EpilogueKind> steps) {
  return llvm::all_of(steps, [](EpilogueKind kind) {
    return isActivation(kind) || kind == EpilogueKind::Bias ||
           kind == EpilogueKind::Add || kind == EpilogueKind::Mul ||
           kind == EpilogueKind::Clamp;
  });
}

unsigned Epilogue::getNumOperands(ArrayRef<EpilogueKind> steps) {
  unsigned count = 0;
  for (EpilogueKind kind : steps)
    count += getOperands(kind);
  return count;
}

std::string Epilogue::getName(ArrayRef<EpilogueKind> steps) {
  std::string name;
  for (EpilogueKind kind : steps)
    name += "_" + stringifyEpilogueKind(kind).str();
  return name;
}

/// Two numbers that lie together, of which the second may not exist.
Epilogue::Pair Epilogue::loadPlaced(KernelBuilder &k, Value at,
                                    Value hasSecond) const {
  if (!hasSecond) {
    Value both = k.load(k.vec(k.f32(), 2), at, 8);
    return {vector::ExtractOp::create(k.b, k.loc, both, 0),
            vector::ExtractOp::create(k.b, k.loc, both, 1)};
  }
  Value second = k.at(at, k.select(hasSecond, k.c32(4), k.c32(0)));
  return {k.load(k.f32(), at, 4), k.load(k.f32(), second, 4)};
}

/// Where the second of two columns may not exist: that it does.
static Value getSecond(KernelBuilder &k, bool isEven, Value column,
                       int64_t features) {
  return isEven ? Value() : k.ltS(column, k.c32(int32_t(features - 1)));
}

Epilogue::Pair Epilogue::loadPair(KernelBuilder &k, Value pointer,
                                  Value column) const {
  Value there = k.minC(column, features - (isEven() ? 2 : 1));
  return loadPlaced(k, k.at(pointer, k.mulC(there, 4)),
                    getSecond(k, isEven(), there, features));
}

SmallVector<Epilogue::Pair>
Epilogue::prepare(KernelBuilder &k, ValueRange operands, Value column) const {
  SmallVector<Pair> prepared;
  for (EpilogueKind kind : steps) {
    Pair pair;
    if (kind == EpilogueKind::Bias)
      pair = loadPair(k, operands[0], column);
    if (kind == EpilogueKind::Clamp)
      pair = {k.load(k.f32(), operands[0], 4), k.load(k.f32(), operands[1], 4)};
    prepared.push_back(pair);
    operands = operands.drop_front(getOperands(kind));
  }
  return prepared;
}

Value Epilogue::place(KernelBuilder &k, Value pointer, Value row,
                      Value column) const {
  return k.at(k.atRow(pointer, row, 4 * features), k.mulC(column, 4));
}

void Epilogue::emit(KernelBuilder &k, ValueRange operands, Value out, Value row,
                    Value column, Pair numbers, ArrayRef<Pair> prepared) const {
  Value hasSecond = getSecond(k, isEven(), column, features);
  for (auto [kind, pair] : llvm::zip_equal(steps, prepared)) {
    Pair operand = pair;
    if (kind == EpilogueKind::Add || kind == EpilogueKind::Mul)
      operand = loadPlaced(k, place(k, operands[0], row, column), hasSecond);
    for (unsigned i = 0; i < 2; ++i) {
      Value &x = numbers[i];
      if (kind == EpilogueKind::Clamp)
        x = k.minF(k.maxF(x, operand[0]), operand[1]);
      else if (kind == EpilogueKind::Mul)
        x = k.mul(x, operand[i]);
      else
        x = isActivation(kind) ? emitActivation(k, kind, x)
                               : k.add(x, operand[i]);
    }
    operands = operands.drop_front(getOperands(kind));
  }
  Value to = place(k, out, row, column);
  if (!hasSecond) {
    Value both = vector::FromElementsOp::create(k.b, k.loc, k.vec(k.f32(), 2),
                                                ValueRange(numbers));
    return k.store(both, to, 8);
  }
  k.store(numbers[0], to, 4);
  k.ifThen(hasSecond, [&] { k.store(numbers[1], k.at(to, k.c32(4)), 4); });
}
