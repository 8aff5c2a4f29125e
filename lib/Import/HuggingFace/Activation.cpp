//===- Activation.cpp - activations by name ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Activation.h"

#include "llvm/ADT/StringSwitch.h"

using namespace qnt;
using namespace qnt::huggingface;

nn::ActivationKind
qnt::huggingface::readActivation(const Config &config, const char *key,
                                 const std::string &missing) {
  std::string name = config.text(key, missing);
  auto kind = llvm::StringSwitch<std::optional<nn::ActivationKind>>(name)
                  .Cases({"silu", "swish"}, nn::ActivationKind::Silu)
                  .Case("gelu", nn::ActivationKind::Gelu)
                  .Cases({"gelu_pytorch_tanh", "gelu_new"},
                         nn::ActivationKind::GeluTanh)
                  .Case("relu", nn::ActivationKind::Relu)
                  .Default(std::nullopt);
  if (!kind)
    config.fail("'" + std::string(key) + "' is '" + name +
                "', expected silu, gelu, gelu_pytorch_tanh, gelu_new or relu");
  return *kind;
}
