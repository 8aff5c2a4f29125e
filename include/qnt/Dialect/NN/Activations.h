//===- Activations.h - activation functions ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_DIALECT_NN_ACTIVATIONS_H
#define QNT_DIALECT_NN_ACTIVATIONS_H

#include "qnt/Dialect/NN/NN.h"

namespace qnt::nn {

/// What `nn.activation` gives of one number, in double.
double activate(ActivationKind kind, double x);

} // namespace qnt::nn

#endif // QNT_DIALECT_NN_ACTIVATIONS_H
