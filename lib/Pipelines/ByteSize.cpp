//===- ByteSize.cpp - sizes as people write them -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ByteSize.h"

bool qnt::parseSize(llvm::StringRef text, int64_t &bytes) {
  static const std::pair<llvm::StringRef, double> units[] = {
      {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0},
      {"KB", 1e3},     {"MB", 1e6},        {"GB", 1e9},
      {"B", 1}};
  double factor = 1;
  for (auto [unit, size] : units)
    if (text.consume_back(unit)) {
      factor = size;
      break;
    }
  double number;
  if (text.getAsDouble(number) || !(number > 0) || number * factor > 1e15)
    return false;
  bytes = int64_t(number * factor);
  return bytes > 0;
}
