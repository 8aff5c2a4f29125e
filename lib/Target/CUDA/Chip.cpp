//===- Chip.cpp - GPUs that code is generated for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/CUDA/Chip.h"

#include "llvm/ADT/STLExtras.h"

using namespace qnt::cuda;

// A100, H200, B200, RTX PRO 6000.
static constexpr Chip chips[] = {
    {.name = "sm_80",
     .ptx = "+ptx80",
     .sharedBytes = 163 << 10,
     .registers = 65536,
     .memory = int64_t(80) << 30,
     .multiprocessors = 108,
     .bandwidth = 2.0e12,
     .halfOps = 312e12,
     .int8Ops = 624e12,
     .hasFloat8 = false,
     .hasTMA = false,
     .hasWgmma = false,
     .hasTcgen05 = false,
     .hasBlockScaledMma = false},
    {.name = "sm_90a",
     .ptx = "+ptx84",
     .sharedBytes = 227 << 10,
     .registers = 65536,
     .memory = int64_t(141) << 30,
     .multiprocessors = 132,
     .bandwidth = 4.8e12,
     .halfOps = 989e12,
     .int8Ops = 1979e12,
     .hasFloat8 = true,
     .hasTMA = true,
     .hasWgmma = true,
     .hasTcgen05 = false,
     .hasBlockScaledMma = false},
    {.name = "sm_100a",
     .ptx = "+ptx88",
     .sharedBytes = 227 << 10,
     .registers = 65536,
     .memory = int64_t(192) << 30,
     .multiprocessors = 148,
     .bandwidth = 8.0e12,
     .halfOps = 2250e12,
     .int8Ops = 4500e12,
     .hasFloat8 = true,
     .hasTMA = true,
     .hasWgmma = false,
     .hasTcgen05 = true,
     .hasBlockScaledMma = false},
    {.name = "sm_120a",
     .ptx = "+ptx87",
     .sharedBytes = 99 << 10,
     .registers = 65536,
     .memory = int64_t(96) << 30,
     .multiprocessors = 188,
     .bandwidth = 1.8e12,
     .halfOps = 504e12,
     .int8Ops = 1008e12,
     .hasFloat8 = true,
     .hasTMA = true,
     .hasWgmma = false,
     .hasTcgen05 = false,
     .hasBlockScaledMma = true},
};

llvm::ArrayRef<Chip> qnt::cuda::getChips() { return chips; }

const Chip *qnt::cuda::findChip(llvm::StringRef name) {
  const Chip *found =
      llvm::find_if(chips, [&](const Chip &chip) { return chip.name == name; });
  return found == std::end(chips) ? nullptr : found;
}

std::string qnt::cuda::describeUnknownChip(llvm::StringRef name) {
  std::string text = "unknown chip '" + name.str() + "', expected one of";
  for (const Chip &chip : chips)
    text += (&chip == chips ? " " : ", ") + chip.name.str();
  return text;
}
