//===- Sensitivity.cpp - metrics by their names -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sensitivity.h"

#include "llvm/ADT/StringSwitch.h"

using namespace qnt;

Sensitivity::~Sensitivity() = default;

llvm::ArrayRef<llvm::StringRef> qnt::getSensitivityNames() {
  static const llvm::StringRef names[] = {"loss", "fisher", "trace", "output",
                                          "weight"};
  return names;
}

std::unique_ptr<Sensitivity> qnt::makeSensitivity(llvm::StringRef name) {
  using Make = std::unique_ptr<Sensitivity> (*)();
  auto make = llvm::StringSwitch<Make>(name)
                  .Case("loss", makeMeasuredSensitivity)
                  .Case("fisher", makeFisherSensitivity)
                  .Case("trace", makeTraceSensitivity)
                  .Case("output", [] { return makeErrorSensitivity(true); })
                  .Case("weight", [] { return makeErrorSensitivity(false); })
                  .Default(nullptr);
  return make ? make() : nullptr;
}
