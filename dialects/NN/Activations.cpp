//===- Activations.cpp - activation functions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/NN/Activations.h"

#include <cmath>
#include <numbers>

using namespace qnt::nn;

double qnt::nn::activate(ActivationKind kind, double x) {
  auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  switch (kind) {
  case ActivationKind::Relu:
    return x > 0 || std::isnan(x) ? x : 0;
  case ActivationKind::Gelu:
    return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
  case ActivationKind::GeluTanh: {
    // 0.5 (1 + tanh(y)) is sigmoid(2y).
    double inner = x + 0.044715 * x * x * x;
    return x * sigmoid(2 * std::sqrt(2 / std::numbers::pi) * inner);
  }
  case ActivationKind::Silu:
    return x * sigmoid(x);
  case ActivationKind::Tanh:
    return std::tanh(x);
  case ActivationKind::Sigmoid:
    return sigmoid(x);
  }
  llvm_unreachable("unknown ActivationKind");
}
