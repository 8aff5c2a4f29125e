//===- Formats.cpp - the number formats of qnt -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"

using namespace mlir;
using namespace qnt;

#include "qnt/Dialect/QNT/QNTFormatInterfaces.cpp.inc"

namespace qnt {
#define QNT_FORMATS(NAME) void register##NAME##Formats(QNTDialect &dialect);
#include "Formats.def"
} // namespace qnt

void QNTDialect::registerFormats() {
#define QNT_FORMATS(NAME) register##NAME##Formats(*this);
#include "Formats.def"
}

NumberFormat QNTDialect::parseFormat(StringRef name) const {
  for (FormatParser parse : formatParsers)
    if (NumberFormat format = parse(name, getContext()))
      return format;
  return {};
}

NumberFormat qnt::parseFormat(StringRef name, MLIRContext *context) {
  return context->getOrLoadDialect<QNTDialect>()->parseFormat(name);
}
