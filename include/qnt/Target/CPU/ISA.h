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

#include <string>

namespace qnt::cpu {

/// One instruction set that code is generated for: data, plus which dot product
/// it offers.
struct ISA {
  /// How a product of four u8 by four s8 summed into an i32 is computed.
  enum class Dot {
    /// vpdpbusd, 512 bits.
    VNNI512,
    /// vpdpbusd on 256-bit halves.
    VNNI256,
    /// vpmaddubsw / vpmaddwd on 256-bit halves.
    AVX2,
    /// usdot on 128-bit quarters.
    USDOT,
    /// sdot, of s8 by s8, on 128-bit quarters.
    SDOT,
    /// Plain vector arithmetic.
    Generic
  };
  enum class Arch { X86_64, AArch64 };
  /// Name in the manifest and on the command line.
  llvm::StringRef name;
  /// CPU features a machine must have, as /proc/cpuinfo spells them.
  llvm::StringRef cpuinfo;
  /// LLVM's target CPU and features for code generation.
  llvm::StringRef cpu, features;
  Dot dot;
  /// In units of 512 bits: 32 of these, 16 of 256 bits, 32 or 16 of 128.
  unsigned vectorRegisters;
  Arch arch = Arch::X86_64;
  /// AMX's tiles and their products of bytes.
  bool hasTiles = false;

  /// Plain x86-64 has no instructions that round, or convert f16.
  bool convertsHalf() const {
    return arch != Arch::X86_64 || dot != Dot::Generic;
  }
  /// Whether sums of products of bytes are exact, whatever the bytes.
  bool hasExactDot() const { return dot != Dot::AVX2; }
  /// LLVM's.
  llvm::StringRef getTriple() const;
};

/// Those of one architecture together, best first.
llvm::ArrayRef<ISA> getISAs();
/// Null when there is none of that name.
const ISA *findISA(llvm::StringRef name);
/// Whether this machine runs it.
bool isRunnable(const ISA &isa);
/// The best one this machine runs.
const ISA &getNativeISA();
/// What every processor of this machine's architecture runs.
const ISA &getBaselineISA();
/// "avx512vnni, avx2, ...", for messages.
std::string listISAs();

} // namespace qnt::cpu

#endif // QNT_TARGET_CPU_ISA_H
