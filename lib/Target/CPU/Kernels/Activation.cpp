//===- Activation.cpp - activation functions of lanes -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// 1 / (1 + exp(-x)).
static Value sigmoid(KernelBuilder &k, Value x) {
  Value one = k.constant(x.getType(), 1);
  return k.fdiv(one, k.add(one, k.exp(k.negF(x))));
}

Value qnt::cpu::emitActivation(KernelBuilder &k, nn::ActivationKind kind,
                               Value x) {
  auto c = [&](double value) { return k.constant(x.getType(), value); };
  switch (kind) {
  case nn::ActivationKind::Relu:
    return k.maxF(c(0), x);
  case nn::ActivationKind::Gelu: {
    // x Phi(x) = max(x, 0) - |x| / 2 erfc(|x| / sqrt 2), without cancellation.
    Value tail = k.mul(k.mul(k.absF(x), c(-0.5)),
                       k.erfcOfMagnitude(k.mul(x, c(0.70710678118654752))));
    return k.add(k.maxF(c(0), x), tail);
  }
  case nn::ActivationKind::GeluTanh: {
    // (1 + tanh u) / 2 = sigmoid(2 u), without cancellation.
    Value cubic = k.fma(k.mul(x, x), c(0.044715), c(1));
    Value u = k.mul(k.mul(x, c(1.5957691216057308)), cubic);
    return k.mul(x, sigmoid(k, u));
  }
  case nn::ActivationKind::Silu:
    return k.mul(x, sigmoid(k, x));
  case nn::ActivationKind::Tanh:
    return k.tanh(x);
  case nn::ActivationKind::Sigmoid:
    return sigmoid(k, x);
  }
  llvm_unreachable("unknown activation");
}
