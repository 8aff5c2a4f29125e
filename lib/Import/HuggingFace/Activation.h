//===- Activation.h - activations by name -----------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_ACTIVATION_H
#define QNT_IMPORT_HUGGINGFACE_ACTIVATION_H

#include "Checkpoint.h"

#include "qnt/Dialect/NN/NN.h"

namespace qnt::huggingface {

nn::ActivationKind readActivation(const Config &config, const char *key,
                                  const std::string &missing);

} // namespace qnt::huggingface

#endif // QNT_IMPORT_HUGGINGFACE_ACTIVATION_H
