//===- ISA.cpp - instruction sets of the CPU target -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Target/CPU/ISA.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace qnt::cpu;

static constexpr ISA kISAs[] = {
    {"amx",
     "avx512f avx512cd avx512bw avx512dq avx512vl avx512_vnni fma f16c bmi2 "
     "amx_tile amx_int8",
     "x86-64-v4", "+avx512vnni,+amx-tile,+amx-int8,-prefer-256-bit",
     ISA::Dot::VNNI512, 32, ISA::Arch::X86_64, /*hasTiles=*/true},
    {"avx512vnni",
     "avx512f avx512cd avx512bw avx512dq avx512vl avx512_vnni fma f16c bmi2",
     "x86-64-v4", "+avx512vnni,-prefer-256-bit", ISA::Dot::VNNI512, 32},
    {"avxvnni", "avx2 fma f16c bmi2 avx_vnni", "x86-64-v3", "+avxvnni",
     ISA::Dot::VNNI256, 8},
    {"avx2", "avx2 fma f16c bmi2", "x86-64-v3", "", ISA::Dot::AVX2, 8},
    {"portable", "", "x86-64", "", ISA::Dot::Generic, 4},
    {"i8mm", "asimddp i8mm", "generic", "+dotprod,+i8mm", ISA::Dot::USDOT, 8,
     ISA::Arch::AArch64},
    {"dotprod", "asimddp", "generic", "+dotprod", ISA::Dot::SDOT, 8,
     ISA::Arch::AArch64},
    {"neon", "", "generic", "", ISA::Dot::Generic, 8, ISA::Arch::AArch64},
};

llvm::StringRef ISA::getTriple() const {
  return arch == Arch::X86_64 ? "x86_64-unknown-linux-gnu"
                              : "aarch64-unknown-linux-gnu";
}

llvm::ArrayRef<ISA> qnt::cpu::getISAs() { return kISAs; }

const ISA *qnt::cpu::findISA(llvm::StringRef name) {
  for (const ISA &isa : kISAs)
    if (isa.name == name)
      return &isa;
  return nullptr;
}

/// As LLVM spells a feature of /proc/cpuinfo.
static std::string getLLVMName(llvm::StringRef feature) {
  return llvm::StringSwitch<std::string>(feature)
      .Case("avx512_vnni", "avx512vnni")
      .Case("avx_vnni", "avxvnni")
      .Case("amx_tile", "amx-tile")
      .Case("amx_int8", "amx-int8")
      .Case("asimddp", "dotprod")
      .Default(feature.str());
}

static ISA::Arch getNativeArch() {
  return llvm::Triple(llvm::sys::getProcessTriple()).isAArch64()
             ? ISA::Arch::AArch64
             : ISA::Arch::X86_64;
}

bool qnt::cpu::isRunnable(const ISA &isa) {
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  llvm::SmallVector<llvm::StringRef> needed;
  isa.cpuinfo.split(needed, ' ', -1, /*KeepEmpty=*/false);
  return isa.arch == getNativeArch() &&
         llvm::all_of(needed, [](llvm::StringRef feature) {
           return host.lookup(getLLVMName(feature));
         });
}

const ISA &qnt::cpu::getNativeISA() {
  return *llvm::find_if(kISAs, isRunnable);
}

const ISA &qnt::cpu::getBaselineISA() {
  return *llvm::find_if(kISAs, [](const ISA &isa) {
    return isa.arch == getNativeArch() && isa.cpuinfo.empty();
  });
}

std::string qnt::cpu::listISAs() {
  return llvm::join(
      llvm::map_range(kISAs, [](const ISA &isa) { return isa.name.str(); }),
      ", ");
}
