//===- ISA.h - instruction sets of the CPU target -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_CPU_ISA_H
#define QNT_TARGET_CPU_ISA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace qnt::cpu {

/// One instruction set that code is generated for: data, plus which dot product
/// it offers.
struct ISA {
  /// How a product of four u8 by four s8 summed into an i32 is computed.
  enum class Dot {
    /// vpdpbusd, 512 bits.
    VNNI512,
    /// vpmaddubsw / vpmaddwd on 256-bit halves.
    AVX2,
    /// Plain vector arithmetic.
    Generic
  };
  /// Name in the manifest and on the command line.
  llvm::StringRef name;
  /// CPU features a machine must have, as /proc/cpuinfo spells them.
  llvm::StringRef cpuinfo;
  /// LLVM's target CPU and features for code generation.
  llvm::StringRef cpu, features;
  Dot dot;
  /// 512-bit vector registers: 32, or 16 pairs of 256 bits, or 4 x 128.
  unsigned vectorRegisters;
};

/// Best first.
llvm::ArrayRef<ISA> getISAs();
/// Null when there is none of that name.
const ISA *findISA(llvm::StringRef name);
/// The best one this machine runs.
const ISA &getNativeISA();

} // namespace qnt::cpu

#endif // QNT_TARGET_CPU_ISA_H
