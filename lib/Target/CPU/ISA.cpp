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
#include "llvm/TargetParser/Host.h"

using namespace qnt::cpu;

static const ISA kISAs[] = {
    {"avx512vnni",
     "avx512f avx512cd avx512bw avx512dq avx512vl avx512_vnni fma f16c bmi2",
     "x86-64-v4", "+avx512vnni,-prefer-256-bit", ISA::Dot::VNNI512, 32},
    {"avx2", "avx2 fma f16c bmi2", "x86-64-v3", "", ISA::Dot::AVX2, 8},
    {"portable", "", "x86-64", "", ISA::Dot::Generic, 4},
};

llvm::ArrayRef<ISA> qnt::cpu::getISAs() { return kISAs; }

const ISA *qnt::cpu::findISA(llvm::StringRef name) {
  for (const ISA &isa : kISAs)
    if (isa.name == name)
      return &isa;
  return nullptr;
}

const ISA &qnt::cpu::getNativeISA() {
  // LLVM spells VNNI without the underscore of /proc/cpuinfo.
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (const ISA &isa : kISAs) {
    llvm::SmallVector<llvm::StringRef> needed;
    isa.cpuinfo.split(needed, ' ', -1, /*KeepEmpty=*/false);
    if (llvm::all_of(needed, [&](llvm::StringRef feature) {
          std::string name = feature.str();
          llvm::erase(name, '_');
          return host.lookup(name) || host.lookup(feature);
        }))
      return isa;
  }
  return kISAs[std::size(kISAs) - 1];
}
