//===- Part.h - FPGAs that designs are made for -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TARGET_FPGA_PART_H
#define QNT_TARGET_FPGA_PART_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace qnt::fpga {

/// What an FPGA has, by AMD's product tables (DS180, DS190): of 7
/// series, with DSP48E1 and no URAM.
struct Part {
  llvm::StringRef name;
  /// With a package and speed that boards have, as Vitis HLS takes it.
  llvm::StringRef device;
  /// As Yosys' synth_xilinx calls it.
  llvm::StringRef family;
  int64_t dsps, luts;
  /// Of 36 Kib.
  int64_t blockRAMs;
};

/// Artix first, each family by size.
llvm::ArrayRef<Part> getParts();
/// Null when there is none of that name.
const Part *findPart(llvm::StringRef name);
/// What to say of a name that is none.
std::string describeUnknownPart(llvm::StringRef name);

} // namespace qnt::fpga

#endif // QNT_TARGET_FPGA_PART_H
